// Variables in configuration values: ${VAR}, ${VAR:-default}, ${env:VAR}, ${userHome}.
#pragma once

#include <string>
#include <string_view>

#include "config/load.h"

namespace holdfast::config {

struct Interpolated {
  std::string text;
  std::string fault;  // not empty: why the text could not be made ("the variable TOKEN is not set …")
};

// Expands `${VAR}`, `${env:VAR}`, `${VAR:-default}` (unset or empty takes the default, which may hold
// variables itself), `${userHome}`, `${/}` and `${pathSeparator}`. A bare `$VAR` is text; `$${` is a literal
// `${`. With `keep_run_variables`, `${HOLDFAST_…}` (and its escape) stays for expand_run_variables. All unset
// variables are named.
Interpolated interpolate(std::string_view text, const Lookup& environment, bool keep_run_variables = false);

// Expands only `${HOLDFAST_…}` (a `:-default` counts when it is unset or empty), the variables that a run
// brings with it, and turns `$${HOLDFAST_` into `${HOLDFAST_`; everything else stays untouched, an unknown
// one too. The counterpart of `keep_run_variables`.
std::string expand_run_variables(std::string_view text, const Lookup& run);

}  // namespace holdfast::config
