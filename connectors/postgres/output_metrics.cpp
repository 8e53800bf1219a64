#include "connectors/postgres/output_metrics.hpp"

#include <utility>

namespace keyfold::postgres {

namespace {

prometheus::Counter& counter(metrics_registry& registry, const std::string& what, const char* help,
                             prometheus::Labels labels) {
  return make_counter(registry, "keyfold_postgres_output_" + what + "_total", help, labels);
}

} // namespace

output_metrics::output_metrics(std::shared_ptr<metrics_registry> registry,
                               const std::string& output)
    : registry_(std::move(registry)),
      upserts(counter(*registry_, "upserts", "Rows inserted or updated, of epochs committed.",
                      {{"output", output}})),
      deletes(counter(*registry_, "deletes", "Deletes sent, of epochs committed.",
                      {{"output", output}})),
      replaced(counter(*registry_, "replaced",
                       "Changes not sent, since a later one of the key was in the batch.",
                       {{"output", output}})),
      statements(counter(*registry_, "statements",
                         "Statements that carried rows, also of "
                         "transactions that failed.",
                         {{"output", output}})),
      committed(counter(*registry_, "transactions", "Transactions by their result.",
                        {{"output", output}, {"result", "committed"}})),
      failed(counter(*registry_, "transactions", "Transactions by their result.",
                     {{"output", output}, {"result", "failed"}})),
      bisected(counter(*registry_, "bisected_epochs",
                       "Epochs sent again in ever smaller parts, to find rows that are refused.",
                       {{"output", output}})),
      dead_letters(counter(*registry_, "dead_letters", "Rows refused, which are dead letters.",
                           {{"output", output}})),
      letter_waits(counter(*registry_, "dead_letter_waits",
                           "Times that a transaction had to be given up, because its dead letters "
                           "were not in the ledger in time.",
                           {{"output", output}})),
      publish_seconds(prometheus::BuildHistogram()
                          .Name("keyfold_postgres_output_publish_seconds")
                          .Help("Time from the begin of a transaction to its commit.")
                          .Register(*registry_)
                          .Add({{"output", output}},
                               prometheus::Histogram::BucketBoundaries{
                                   0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30})) {}

} // namespace keyfold::postgres
