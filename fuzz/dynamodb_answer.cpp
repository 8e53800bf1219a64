#include "connectors/dynamodb/answer.hpp"
#include "connectors/dynamodb/credential_source.hpp"
#include "connectors/dynamodb/shared_file.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdlib>

using namespace keyfold;

// Answers of DynamoDB and of credential endpoints, and files of AWS's tools. The first byte says
// which.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0)
    return 0;
  std::string text{reinterpret_cast<const char*>(data + 1), size - 1};
  switch (data[0] % 4) {
  case 0: {
    http_exchange_answer answer;
    answer.status = 200;
    answer.body = std::move(text);
    if (auto said = dynamodb::judge(answer); said.what == dynamodb::verdict::rest)
      for (const auto& x : said.unprocessed)
        if (x.empty())
          std::abort();
    break;
  }
  case 1: {
    http_exchange_answer answer;
    answer.status = 400;
    answer.body = std::move(text);
    auto said = dynamodb::judge(answer);
    if (said.what == dynamodb::verdict::done || said.what == dynamodb::verdict::rest)
      std::abort();
    break;
  }
  case 2:
    if (auto found = dynamodb::parse_endpoint_answer(text); found && found->keys.access_key.empty())
      std::abort();
    break;
  default:
    dynamodb::read_profile(text, "default");
  }
  return 0;
}
