// Libraries that throw where the system refuses them a thread or a descriptor, as a Result.
#pragma once

#include <boost/system/system_error.hpp>
#include <system_error>
#include <type_traits>

#include "base/result.h"

namespace holdfast {

// What `step` gives, a Result; or the errno that it threw. `who`: for whom the thread or descriptor was.
template <class F>
std::invoke_result_t<F&> caught(std::string_view who, F step) {
  try {
    return step();
  } catch (const std::system_error& e) {
    return sys_error("start", who, e.code().value());
  } catch (const boost::system::system_error& e) {
    return sys_error("start", who, e.code().value());
  }
}

}  // namespace holdfast
