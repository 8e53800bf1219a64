#include "features/view.hpp"

namespace keyfold {

fold_counts& fold_counts::operator+=(const fold_counts& x) noexcept {
  rows += x.rows;
  late += x.late;
  late_dropped += x.late_dropped;
  skipped += x.skipped;
  bound_reached += x.bound_reached;
  expired += x.expired;
  emitted += x.emitted;
  return *this;
}

} // namespace keyfold
