// The rungs on which a keeper or a face is tested.
#pragma once

#include <ostream>
#include <string>

#include "outer.h"

namespace holdfast::test {

enum class TestRung { tree, leaf, pidns, user_pidns };  // the last: an ordinary user's, in a user namespace
std::string name_of(TestRung rung);
inline void PrintTo(TestRung rung, std::ostream* out) { *out << name_of(rung); }
inline bool in_pidns(TestRung rung) { return rung == TestRung::pidns || rung == TestRung::user_pidns; }
// Why this machine does not offer the rung; empty: it does.
std::string why_not_offered(TestRung rung, const Outer& outer);
inline constexpr const char* kOrdinaryUser = "65534";

}  // namespace holdfast::test
