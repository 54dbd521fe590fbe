// Views as JSON: the shapes that scripts rely on. Internal to front.
#pragma once

#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "base/wall_clock.h"
#include "custody/custodian.h"
#include "front/control_api.h"
#include "front/http_server.h"
#include "gateway/gateway.h"
#include "schedule/scheduler.h"

namespace holdfast::front::control {

using Json = nlohmann::ordered_json;
// Null if absent.
Json json_size(std::optional<std::int64_t> bytes);
// RFC 3339 in UTC with milliseconds; null if absent.
Json json_time(const std::optional<SystemTime>& time);

// What drains while it starts is shown as starting, as its tree is.
bool is_draining(const gateway::InstanceView& instance);
Json to_json(const gateway::InstanceView& instance, std::optional<std::int64_t> memory_bytes);
Json to_json(const gateway::ServerView& server);
Json to_json(const gateway::SessionView& session);
Json to_json(const schedule::JobView& job);
Json to_json(const schedule::RunView& run);
Json to_json(const custody::SweepReport& report);
Json to_json(const ReloadReport& report);

Response json_response(const Json& json, unsigned status = 200);  // invalid UTF-8 becomes U+FFFD
Response error_response(unsigned status, std::string_view code, std::string_view message);
Response error_response(const Error& error);

// A duration or number of the query; nullopt: absent. A flag: 1 or true, 0 or false; absent: false.
// Errc::invalid: not readable.
Result<std::optional<milliseconds>> duration_query(const Request& request, std::string_view name);
Result<std::optional<std::int64_t>> number_query(const Request& request, std::string_view name);
Result<bool> flag_query(const Request& request, std::string_view name);

// Bytes of a log from ?offset= (default: the last 64 KiB) as text/plain, at most 256 KiB, with the offset to
// go on from in Holdfast-Offset. ?wait= waits for more up to so long. A file that is not there is empty.
asio::awaitable<Response> log_response(const Request& request, std::filesystem::path file);

}  // namespace holdfast::front::control
