#include "connectors/common/problem_board.hpp"

#include <fmt/format.h>

namespace keyfold {

bool problem_board::set(std::string_view subject, std::string sentence) {
  std::lock_guard guard{mutex_};
  auto found = problems_.find(subject);
  if (found != problems_.end()) {
    if (found->second == sentence)
      return false;
    found->second = std::move(sentence);
    return true;
  }
  if (problems_.size() >= max_subjects)
    return false;
  problems_.emplace(subject, std::move(sentence));
  return true;
}

bool problem_board::has(std::string_view subject) const {
  std::lock_guard guard{mutex_};
  return problems_.find(subject) != problems_.end();
}

bool problem_board::clear(std::string_view subject) {
  std::lock_guard guard{mutex_};
  auto found = problems_.find(subject);
  if (found == problems_.end())
    return false;
  problems_.erase(found);
  return true;
}

void problem_board::clear_all(std::string_view prefix) {
  std::lock_guard guard{mutex_};
  auto from = problems_.lower_bound(prefix);
  while (from != problems_.end() && from->first.starts_with(prefix))
    from = problems_.erase(from);
}

component_status problem_board::status() const {
  std::lock_guard guard{mutex_};
  component_status out;
  size_t told = 0;
  for (auto& [subject, sentence] : problems_) {
    if (told == 3) {
      out.reason += fmt::format("; and {} more", problems_.size() - told);
      break;
    }
    if (told++ > 0)
      out.reason += "; ";
    out.reason += sentence;
  }
  out.ready = problems_.empty();
  return out;
}

} // namespace keyfold
