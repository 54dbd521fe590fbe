#include "os/controllers.h"

#include <fcntl.h>
#include <unistd.h>

#include <sstream>

#include "os/proc_text.h"
#include "os/small_file.h"

namespace holdfast::os {
namespace {

std::string text_of(const std::string& path) {
  char buffer[1024];
  const auto text = read_small(AT_FDCWD, path.c_str(), buffer);
  return text ? std::string(*text) : "";
}

std::vector<std::string> words_of(const std::string& path) {
  std::istringstream text(text_of(path));
  std::vector<std::string> words;
  for (std::string word; text >> word;) words.push_back(word);
  return words;
}

Result<void> change(const std::string& cgroup, char how, std::string_view controller) {
  const std::string path = cgroup + "/cgroup.subtree_control";
  return write_small(AT_FDCWD, path.c_str(), how + std::string(controller));
}

}  // namespace

std::vector<std::string> controllers_of(const std::string& cgroup) {
  return words_of(cgroup + "/cgroup.controllers");
}

std::vector<std::string> controllers_below(const std::string& cgroup) {
  return words_of(cgroup + "/cgroup.subtree_control");
}

// The root alone has no type.
bool is_hierarchy_root(const std::string& cgroup) {
  return ::access((cgroup + "/cgroup.type").c_str(), F_OK) != 0;
}

Result<void> hand_down(const std::string& cgroup, std::string_view controller) {
  return change(cgroup, '+', controller);
}

Result<void> take_back(const std::string& cgroup, std::string_view controller) {
  return change(cgroup, '-', controller);
}

Result<void> move_into(const std::string& cgroup) {
  return write_small(AT_FDCWD, (cgroup + "/cgroup.procs").c_str(), "0");
}

MemoryEvents memory_events(const std::string& leaf) {
  const auto words = words_of(leaf + "/memory.events");
  MemoryEvents events;
  for (std::size_t i = 0; i + 1 < words.size(); i += 2) {
    std::string_view number = words[i + 1];
    if (words[i] == "oom") events.over = take_number(number).value_or(0);
    if (words[i] == "oom_kill") events.killed = take_number(number).value_or(0);
  }
  return events;
}

}  // namespace holdfast::os
