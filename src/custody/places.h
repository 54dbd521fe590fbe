// Where a gateway and its leaves have their places in the hierarchy of cgroups, told by its id: in the cgroup
// in which it was started (its home) the directory of its leaves, "holdfast-ID", and beside that one, where
// it hands controllers down, the room in which it lives then, "holdfast-ID-gateway".
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/result.h"
#include "os/cgroup.h"

namespace holdfast::custody {

constexpr std::size_t kGatewayIdBytes = 4;
bool is_gateway_id(std::string_view id);  // 8 hex digits

// The cgroup in which gateway `id` was started: this process's, or the one above where it has moved already
// into its room.
Result<std::string> home_cgroup(const std::string& id);
// The directory of the leaves of gateway `id`, below `own` cgroup; its name alone.
std::string leaf_parent_of(const std::string& own, const std::string& id);
std::string leaf_parent_name(std::string_view id);
// Where a gateway lives whose leaves lie below `parent`, if it hands controllers down.
std::string room_of(const std::string& parent);

// Makes the directory of leaves, if need be, and locks it (shared): by that others see that it is in use. Who
// removes it in this moment for an abandoned one is soon done; blocks for half a second at most.
Result<os::CgroupLeaf> hold(const std::string& parent);

// Removes a cgroup that has just become empty, retrying EBUSY for a few ms. One that is not there is fine.
Result<void> remove_emptied(const std::string& path);
// The room first: by the directory of the leaves it is found again. What is not there is fine; EBUSY:
// somebody lives in one of them, and the directory stays.
Result<void> remove_places(const std::string& parent);
// Removes the places below `own` of gateways that were killed, as far as they are empty: those whose
// directory nobody holds, and rooms without one. Not those of gateway `mine`. Nobody is signalled.
void remove_abandoned(const std::string& own, std::string_view mine);

}  // namespace holdfast::custody
