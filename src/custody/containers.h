// Ending what container runtimes run for our trees, and the proof of it. Internal to custody; on the loop.
#pragma once

#include <map>
#include <string>

#include "base/task_group.h"
#include "custody/container.h"

namespace holdfast::custody {

struct Core;
class TreeImpl;

// Servers whose containers of an earlier life of this gateway are not proven gone, each with the reason.
struct LeftContainers {
  explicit LeftContainers(const asio::any_io_executor& executor) : looked(executor) {}
  std::map<std::string, std::string> unproven;
  Event looked;  // every runtime was asked once
};

// After the last process of a tree: returns when its containers are proven gone (or the Custodian is). What
// cannot be proven makes the tree unkillable, and is asked again and again.
asio::awaitable<void> end_containers(std::shared_ptr<Core> core, std::shared_ptr<TreeImpl> tree);

// What an earlier life left: reads the records, then goes on in the background.
asio::awaitable<void> recall_containers(std::shared_ptr<Core> core);

// No container of this server is left of an earlier life. Waits for the first look; the error says why not.
asio::awaitable<Result<void>> await_left_containers(std::shared_ptr<Core> core, std::string name);

}  // namespace holdfast::custody
