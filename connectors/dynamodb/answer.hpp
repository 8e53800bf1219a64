#pragma once

#include "connectors/http_client/http_client.hpp"
#include "features/result.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace keyfold::dynamodb {

/// What an answer of DynamoDB's comes to.
enum class verdict : uint8_t {
  done,       ///< all is as asked
  rest,       ///< of a batch `unprocessed` is to be asked again
  throttled,  ///< ask again, later: there is too much of it
  failing,    ///< ask again, later: the server or the way to it is ill
  held,       ///< a condition was not met: what is there is as new
  bad_row,    ///< one of the rows is none that DynamoDB takes
  too_large,  ///< the request as a whole
  wrong_time, ///< the signature's time is not the server's
  stale_keys, ///< the credentials have ended: there may be newer ones
  bad_keys,   ///< the credentials are wrong
  forbidden,  ///< they may not do this
  no_table,   ///< the table does not exist
  busy_table, ///< it is being made, changed or deleted
  unknown,    ///< another error
};

/// An answer and what it comes to.
struct judgement {
  verdict what = verdict::unknown;
  std::string why; ///< DynamoDB's name of the error and its message, without credentials
  std::vector<std::string> unprocessed; ///< of `rest`: `{"PutRequest":…}`, `{"DeleteRequest":…}`
};

/// Never fails: what cannot be understood is `failing` (of a server's error) or `unknown`.
judgement judge(const result<http_exchange_answer>& answered);

} // namespace keyfold::dynamodb
