#pragma once

#include "features/result.hpp"

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

/// `keyfold get`: looks the features of a key up over HTTP.
namespace keyfold {

struct get_options {
  std::string entity;
  std::string key;
  std::string address = "http://127.0.0.1:8080";
  std::vector<std::string> features; ///< empty: all
  std::string view;                  ///< only this view's; not with `features`
  std::string as_of;                 ///< empty: the watermark
  std::string token_file;
  std::string ca_certificate;
  bool json = false;
};

/// Declares the arguments on the subcommand `app`; they are stored in `options`, which must outlive
/// the parsing.
void add_get_options(CLI::App& app, get_options& options);

/// Path and query of the request.
std::string get_target(const get_options& options);
/// The answer's features as a table, under a line that names the key.
result<std::string> get_table(const std::string& body);

/// Prints a table or, with `json`, the server's answer. Returns the exit status: 1 when the key has
/// no state or the server does not answer, 2 when the server refuses the question.
int run_get(const get_options& options);

} // namespace keyfold
