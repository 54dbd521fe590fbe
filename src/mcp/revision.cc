#include "mcp/revision.h"

#include <algorithm>
#include <array>
#include <iterator>

namespace holdfast::mcp {
namespace {

constexpr std::array kRevisions{
    Revision{.name = "2024-11-05",
             .batches = false,
             .streamable_http = false,
             .version_header = false,
             .progress_message = false,
             .elicitation = false,
             .url_elicitation = false,
             .structured_content = false,
             .tasks = false,
             .priming_event = false,
             .input_errors_are_results = false},
    Revision{.name = "2025-03-26",
             .batches = true,
             .streamable_http = true,
             .version_header = false,
             .progress_message = true,
             .elicitation = false,
             .url_elicitation = false,
             .structured_content = false,
             .tasks = false,
             .priming_event = false,
             .input_errors_are_results = false},
    Revision{.name = "2025-06-18",
             .batches = false,
             .streamable_http = true,
             .version_header = true,
             .progress_message = true,
             .elicitation = true,
             .url_elicitation = false,
             .structured_content = true,
             .tasks = false,
             .priming_event = false,
             .input_errors_are_results = false},
    Revision{.name = "2025-11-25",
             .batches = false,
             .streamable_http = true,
             .version_header = true,
             .progress_message = true,
             .elicitation = true,
             .url_elicitation = true,
             .structured_content = true,
             .tasks = true,
             .priming_event = true,
             .input_errors_are_results = true},
};

}  // namespace

std::span<const Revision> revisions() { return kRevisions; }
const Revision& newest_revision() { return kRevisions.back(); }
const Revision& oldest_revision() { return kRevisions.front(); }

const Revision& http_sse_revision() {
  return *std::prev(std::ranges::find(kRevisions, true, &Revision::streamable_http));
}

const Revision* find_revision(std::string_view name) {
  const auto found = std::ranges::find(kRevisions, name, &Revision::name);
  return found == kRevisions.end() ? nullptr : &*found;
}

const Revision& negotiate(std::string_view requested) {
  const Revision* known = find_revision(requested);
  return known ? *known : newest_revision();
}

}  // namespace holdfast::mcp
