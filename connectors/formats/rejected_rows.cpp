#include "connectors/formats/rejected_rows.hpp"

#include <fmt/format.h>

namespace keyfold {

rejected_rows::rejected_rows(std::string output, const std::vector<change_columns>& columns,
                             std::shared_ptr<dead_letter_queue> letters, metrics_registry& metrics)
    : output_(std::move(output)), lines_(row_format::json, columns), letters_(std::move(letters)),
      rejected_(make_counter(metrics, "keyfold_output_rejected_rows_total",
                             "Rows that the other side refused for good: dead letters.",
                             {{"output", output_}})) {
  for (const auto& x : columns)
    rows_of_.push_back(x.view);
}

void rejected_rows::add(uint64_t epoch, const change& row, std::string_view reason) {
  dead_letter letter;
  letter.stream = rows_of_[row.source];
  letter.place = fmt::format("output {} epoch {}", output_, epoch);
  letter.reason = reason;
  lines_.append(row, letter.payload);
  if (!letter.payload.empty())
    letter.payload.pop_back(); // the line's end
  letters_.add(std::move(letter));
}

result<void> rejected_rows::settle() {
  auto count = letters_.held();
  if (auto settled = letters_.settle(); !settled)
    return settled;
  rejected_.Increment(static_cast<double>(count));
  return {};
}

} // namespace keyfold
