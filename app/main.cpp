#include "app/commands/check.hpp"
#include "app/commands/explain.hpp"
#include "app/commands/generate.hpp"
#include "app/commands/get.hpp"
#include "app/commands/schema.hpp"
#include "app/commands/state.hpp"
#include "app/commands/tail.hpp"
#include "app/run.hpp"

#include <CLI/CLI.hpp>

#include <cstdlib>
#include <exception>
#include <fmt/format.h>
#include <functional>
#include <mimalloc.h>

namespace {

constexpr auto success = 0;
constexpr auto failure = 1;
constexpr auto bad_usage = 2;

/// The arguments of all commands.
struct command_options {
  keyfold::run_options run;
  std::string checked;
  std::string explained;
  bool mermaid = false;
  keyfold::generate_options generate;
  keyfold::get_options get;
  keyfold::tail_options tail;
  keyfold::state_options state;
};

void add_run_options(CLI::App& app, keyfold::run_options& options) {
  app.add_option("DEFINITION", options.definition, "The definition file")->required();
  app.add_flag("--exit-at-end", options.exit_at_end,
               "Read what is there now, also of Kafka topics, publish it and exit");
  app.add_option("--report", options.report,
                 "File for a JSON object with the run's figures, written at the end");
  app.add_option("--log-level", options.log_level, "trace, debug, info, warn, error or off")
      ->capture_default_str()
      ->check(CLI::IsMember({"trace", "debug", "info", "warn", "error", "off"}));
  app.footer(
      "Examples:\n"
      "  keyfold run counters.json\n"
      "  keyfold run counters.json --exit-at-end --log-level warn\n"
      "SIGTERM and Ctrl-C stop it gracefully: what was read is folded, committed and published.\n"
      "Exit status: 0 ended as asked, 1 a failure while running, 2 the definition is wrong.");
}

/// mimalloc gives a page back so long after its last block went, but only when its thread frees
/// another one: of a pipeline at rest, whose threads do nothing, pages must go at once or they
/// never go. While records come, the same pages are wanted again within milliseconds; to give them
/// back and have them zeroed would take a tenth of the processor. The environment's setting comes
/// first.
void give_back_pages(bool records_come) {
  static const auto ours = std::getenv("MIMALLOC_DECOMMIT_DELAY") == nullptr;
  constexpr long while_records_come_ms = 25;
  if (ours)
    mi_option_set(mi_option_decommit_delay, records_come ? while_records_come_ms : 0);
}

/// Declares the commands; the one that is given stores what is to be done in `action`.
void add_commands(CLI::App& app, command_options& options, std::function<int()>& action) {
  auto add = [&](const char* name, const char* help, std::function<int()> run) {
    auto* command = app.add_subcommand(name, help);
    command->callback([&action, run = std::move(run)] { action = run; });
    return command;
  };
  add_run_options(*add("run", "Run a definition: read, fold, serve, publish",
                       [&] {
                         options.run.on_beat = give_back_pages;
                         return keyfold::run(options.run);
                       }),
                  options.run);

  auto* check = add("check", "Say what is wrong with a definition, each mistake with its place",
                    [&] { return keyfold::run_check(options.checked); });
  check->add_option("DEFINITION", options.checked, "The definition file")->required();
  check->footer("Example: keyfold check counters.json\n"
                "Exit status: 0 nothing is wrong, 2 something is.");

  auto* explain = add("explain", "Print the graph of a definition: streams, views, outputs",
                      [&] { return keyfold::run_explain(options.explained, options.mermaid); });
  explain->add_option("DEFINITION", options.explained, "The definition file")->required();
  explain->add_flag("--mermaid", options.mermaid, "As a Mermaid flowchart");
  explain->footer("Example: keyfold explain counters.json --mermaid");

  add("schema", "Print the JSON Schema of definitions", [] {
    return keyfold::run_schema();
  })->footer("Example: keyfold schema > keyfold.schema.json");

  auto* generate = add("generate", "Write a seeded stream of events to a file or a topic",
                       [&] { return keyfold::run_generate(options.generate); });
  keyfold::add_generate_options(*generate, options.generate);
  keyfold::add_get_options(*add("get", "Look the features of a key up over HTTP",
                                [&] { return keyfold::run_get(options.get); }),
                           options.get);
  keyfold::add_tail_options(*add("tail", "Show what an output amounts to, as a table",
                                 [&] { return keyfold::run_tail(options.tail); }),
                            options.tail);
  keyfold::add_state_options(*add("state", "Look into a ledger, offline or beside its owner",
                                  [&] { return keyfold::run_state(options.state); }),
                             options.state);
}

int keyfold_main(int argc, char** argv) {
  CLI::App app{"keyfold folds event streams into features, one actor per key, and serves them."};
  app.name("keyfold");
  app.set_version_flag("--version", "keyfold " KEYFOLD_VERSION);
  app.require_subcommand(1);
  app.footer("Examples:\n"
             "  keyfold check counters.json     what is wrong with it?\n"
             "  keyfold run counters.json       read, fold, serve, publish\n"
             "  keyfold get user 1234           the features of user 1234\n"
             "  keyfold COMMAND --help          all of a command's options\n"
             "Exit status: 0 done, 1 a failure while running, 2 a mistake in the arguments or the "
             "definition.");
  command_options options;
  std::function<int()> action;
  add_commands(app, options, action);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& problem) {
    return app.exit(problem) == success ? success : bad_usage;
  }
  return action();
}

} // namespace

int main(int argc, char** argv) {
  try {
    return keyfold_main(argc, argv);
  } catch (const std::exception& problem) {
    fmt::print(stderr, "keyfold: {}\n", problem.what());
    return failure;
  }
}
