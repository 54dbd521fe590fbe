// The command line of `holdfast run`. No heap: it is read by the face, which lives in the keeper's program.
#pragma once

#include <chrono>
#include <cstdint>
#include <string_view>

#include "base/result.h"

namespace holdfast::custody {

// Limits of the command's tree; 0: none.
struct FaceLimits {
  std::uint64_t files = 0;   // descriptors of each process, RLIMIT_NOFILE
  std::uint64_t memory = 0;  // bytes of the whole tree; needs a leaf with the controller, as do the next two
  std::uint64_t pids = 0;
  std::uint64_t cpu = 0;  // percent of one processor
  [[nodiscard]] bool need_leaf() const { return memory != 0 || pids != 0 || cpu != 0; }
};

enum class Isolation { automatic, tree, leaf, pidns };

struct FaceOptions {
  std::chrono::milliseconds eof{1000}, term{1500};
  std::chrono::milliseconds time{0};  // --for; 0: as long as it takes
  bool stop_at_end_of_input = true;
  Isolation isolation = Isolation::automatic;
  FaceLimits limits;
  const char* report = nullptr;  // a file
  bool help = false;             // nothing else counts then
  char** command = nullptr;      // null-terminated, at least one word
};

// `words`: what stands behind `run`, null-terminated. An error's subject is a sentence for people.
Result<FaceOptions> parse_face_options(char** words);

extern const std::string_view kFaceHelp;

}  // namespace holdfast::custody
