#pragma once

#include "connectors/http_push/push_queue.hpp"
#include "messages/event_source.hpp"
#include "messages/push.hpp"

#include <map>
#include <memory>
#include <string>
#include <vector>

namespace keyfold {

/// Where events are pushed by hand, for all streams that take them: the endpoint for those who
/// push, and a source for each stream.
///
/// A row is decoded while it is pushed, so who pushed it hears at once what is wrong with it. The
/// rows wait in memory, bounded, until they are polled. Pushes cannot be read again: rows that were
/// acknowledged without `durable` are lost when the program dies before the ledger has them; a
/// durable push is acknowledged only when it has. Positions count rows, of all runs together.
///
/// Thread-safe, but `add_stream`, which comes before all else.
class push_hub final : public push_endpoint {
public:
  /// Adds a stream and makes its source, which may outlive the hub. @pre the stream is not added
  /// yet
  std::unique_ptr<event_source> add_stream(push_stream_settings settings);

  void push(std::string_view stream, std::vector<std::string> rows, bool durable,
            std::function<void(push_outcome)> done) override;
  std::vector<std::string> streams() const override;

private:
  std::map<std::string, std::shared_ptr<push_queue>, std::less<>> queues_;
};

} // namespace keyfold
