#include "connectors/postgres/output_metrics.hpp"

#include <utility>

namespace keyfold::postgres {

output_metrics::output_metrics(std::shared_ptr<metrics_registry> registry,
                               const std::string& output)
    : make_(std::move(registry), "keyfold_postgres_output", {{"output", output}}),
      upserts(make_.counter("upserts", "Rows inserted or updated, of epochs committed.")),
      deletes(make_.counter("deletes", "Deletes sent, of epochs committed.")),
      replaced(make_.counter("replaced",
                             "Changes not sent, since a later one of the key was in the batch.")),
      statements(make_.counter("statements",
                               "Statements that carried rows, also of transactions that failed.")),
      committed(make_.counter("transactions", "Transactions by their result.",
                              {{"result", "committed"}})),
      failed(
          make_.counter("transactions", "Transactions by their result.", {{"result", "failed"}})),
      bisected(
          make_.counter("bisected_epochs",
                        "Epochs sent again in ever smaller parts, to find rows that are refused.")),
      dead_letters(make_.counter("dead_letters", "Rows refused, which are dead letters.")),
      letter_waits(make_.counter("dead_letter_waits",
                                 "Times that a transaction had to be given up, because "
                                 "its dead letters were not in the ledger in time.")),
      publish_seconds(
          make_.publish_seconds("Time from the begin of a transaction to its commit.")) {}

} // namespace keyfold::postgres
