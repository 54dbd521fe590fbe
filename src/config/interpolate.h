// Variables in configuration values: ${VAR}, ${VAR:-default}, ${env:VAR}, ${userHome}.
#pragma once

#include <array>
#include <string>
#include <string_view>

#include "config/load.h"

namespace holdfast::config {

// What each run of a job brings with it; never empty, so that a default of theirs never counts.
inline constexpr std::array<std::string_view, 3> kRunVariables{"HOLDFAST_JOB", "HOLDFAST_RUN",
                                                               "HOLDFAST_SCHEDULED_AT"};
using RunValues = std::array<std::string, kRunVariables.size()>;

struct Interpolated {
  std::string text;
  std::string fault;  // not empty: why the text could not be made ("the variable TOKEN is not set …")
};

// Expands `${VAR}`, `${env:VAR}`, `${VAR:-default}` (unset or empty takes the default, which may hold
// variables itself), `${userHome}`, `${/}` and `${pathSeparator}`. A bare `$VAR` is text; `$${` is a literal
// `${`. With `keep_run_variables`, those of kRunVariables (wherever they stand, as a default too) stay for
// expand_run_variables, and so does the escape `$${HOLDFAST_`. All unset variables are named.
Interpolated interpolate(std::string_view text, const Lookup& environment, bool keep_run_variables = false);

// Whether expand_run_variables would change what interpolate kept: what it stands for is known by a run only.
bool has_run_variables(std::string_view text);

// Puts the `values` of kRunVariables, in their order, for their names, and turns `$${HOLDFAST_` into
// `${HOLDFAST_`; everything else stays untouched. The counterpart of `keep_run_variables`.
std::string expand_run_variables(std::string_view text, const RunValues& values);

}  // namespace holdfast::config
