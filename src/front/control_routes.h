// The routes of the control API, one function each; `name` is the part of the path that the pattern leaves
// open. Internal to front.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <string>

#include "front/control_api.h"

namespace holdfast::front::control {

using Answer = asio::awaitable<Response>;

// control_custody.cc
Answer status(ControlContext& context, const Request& request, const std::string& name);
Answer ps(ControlContext& context, const Request& request, const std::string& name);
Answer why(ControlContext& context, const Request& request, const std::string& name);
Answer sweep(ControlContext& context, const Request& request, const std::string& name);
Answer shutdown(ControlContext& context, const Request& request, const std::string& name);
Answer version(ControlContext& context, const Request& request, const std::string& name);
Answer reload(ControlContext& context, const Request& request, const std::string& name);
// control_gateway.cc
Answer servers(ControlContext& context, const Request& request, const std::string& name);
Answer sessions(ControlContext& context, const Request& request, const std::string& name);
Answer tools(ControlContext& context, const Request& request, const std::string& name);
Answer call(ControlContext& context, const Request& request, const std::string& name);
Answer server_stop(ControlContext& context, const Request& request, const std::string& name);
Answer server_restart(ControlContext& context, const Request& request, const std::string& name);
Answer server_log(ControlContext& context, const Request& request, const std::string& name);
// control_tokens.cc
Answer tokens(ControlContext& context, const Request& request, const std::string& name);
Answer token_add(ControlContext& context, const Request& request, const std::string& name);
Answer token_revoke(ControlContext& context, const Request& request, const std::string& name);
// control_jobs.cc
Answer jobs(ControlContext& context, const Request& request, const std::string& name);
Answer job(ControlContext& context, const Request& request, const std::string& name);
Answer job_run(ControlContext& context, const Request& request, const std::string& name);
Answer job_history(ControlContext& context, const Request& request, const std::string& name);
Answer job_log(ControlContext& context, const Request& request, const std::string& name);
Answer job_cancel(ControlContext& context, const Request& request, const std::string& name);

}  // namespace holdfast::front::control
