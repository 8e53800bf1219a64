#include "features/table.hpp"

#include <utility>

namespace keyfold {

table::table(std::string name, std::vector<column> columns, std::vector<uint32_t> key)
    : name_(std::move(name)), columns_(std::move(columns)), key_(std::move(key)) {}

bool table::look_up(const lookup_request& x) {
  auto snapshot = current();
  if (snapshot == nullptr)
    return false;
  auto width = x.fields.size();
  for (size_t i = 0; i < x.found.size(); ++i) {
    auto row = snapshot->find(x.keys.subspan(i * key_.size(), key_.size()));
    x.found[i] = row ? 1 : 0;
    for (size_t field = 0; field < width; ++field)
      // A text is copied, because the batch may outlive the snapshot.
      x.values[i * width + field] =
          row ? x.text.copy(snapshot->value(*row, x.fields[field])) : cell{};
  }
  return true;
}

std::string table::problem() const {
  return current() != nullptr ? std::string{} : "the table `" + name_ + "` is not loaded yet";
}

uint32_t table::add_index(index_maker build) {
  makers_.push_back(std::move(build));
  return static_cast<uint32_t>(makers_.size() - 1);
}

std::shared_ptr<const table_snapshot> table::current() const noexcept {
  return std::atomic_load(&current_);
}

void table::publish(std::unique_ptr<table_snapshot> next) {
  next->version_ = ++published_;
  next->indexes_.clear();
  for (const auto& make : makers_)
    next->indexes_.push_back(make(*next));
  std::atomic_store(&current_, std::shared_ptr<const table_snapshot>{std::move(next)});
}

} // namespace keyfold
