#pragma once

#include "features/view.hpp"

#include <cstdint>
#include <optional>
#include <span>

namespace keyfold {

/// What the outputs of a view with one row per key have been told of it: those that get every
/// change, and those that get the last change of an epoch.
class row_publication {
public:
  /// The row has come to be, or is another now. `values` is asked for only where somebody listens.
  template <class Values>
  void row_changed(fold_context& context, event_time at, const Values& values) {
    changed_ = true;
    if (context.changes == nullptr)
      return;
    context.changes->upsert({}, values(), at);
    told_ = true;
  }
  /// The row is no more.
  void row_gone(fold_context& context, event_time at) {
    changed_ = true;
    if (context.changes != nullptr && told_)
      context.changes->erase({}, at);
    told_ = false;
  }
  /// Tells `sink` what has changed since the last call. `values` gives the row's values, or nothing
  /// where there is no row.
  template <class Values>
  void collect(change_sink& sink, event_time at, const Values& values) {
    if (!changed_)
      return;
    changed_ = false;
    std::optional<std::span<const cell>> row = values();
    if (row)
      sink.upsert({}, *row, at);
    else if (collected_)
      sink.erase({}, at);
    collected_ = row.has_value();
  }
  /// Whether a row that is gone has still to be reported by `collect`.
  bool owes_erase(bool has_row) const noexcept { return !has_row && collected_; }

  void encode(byte_writer& out) const {
    out.u8(static_cast<uint8_t>((told_ ? 1 : 0) | (collected_ ? 2 : 0)));
  }
  bool decode(byte_reader& in) {
    auto flags = in.u8();
    told_ = (flags & 1) != 0;
    collected_ = (flags & 2) != 0;
    return in.good() && flags < 4;
  }

private:
  bool changed_ = false;   // since `collect`
  bool told_ = false;      // those that get every change have a row
  bool collected_ = false; // `collect` has given a row
};

} // namespace keyfold
