// Formats numbers and times as text.
#pragma once

#include <string>

namespace nextframe {

/// Like printf, but returns a string. For "%lld", cast an int64_t to long long.
__attribute__((format(printf, 1, 2))) std::string format(const char* pattern, ...);

/// "1.5 s"
std::string seconds_text(double value_s);

/// The current time in UTC by strftime's pattern, then milliseconds: "….123Z".
std::string now_utc(const char* pattern);

}  // namespace nextframe
