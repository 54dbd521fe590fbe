// Runs of fault_run, or of another program of its kind: one, or many at once.
#pragma once

#include <string>
#include <vector>

namespace holdfast::faults {

struct Outcome {
  std::vector<std::string> words;  // what it was run with
  int status = 0;                  // exit status; 128 and more: ended by a signal
  std::string said;                // on stdout and stderr
};
// To run it again by hand.
std::string command_line(const std::vector<std::string>& words, const std::string& program = "fault_run");

Outcome run_one(const std::vector<std::string>& words, const std::string& program = "fault_run");
// As many at a time as `at_once`. After `enough` bad outcomes (neither 0 nor 3) no more are begun.
std::vector<Outcome> run_all(const std::vector<std::vector<std::string>>& all, unsigned at_once, int enough);

}  // namespace holdfast::faults
