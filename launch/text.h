// Formats numbers and times as text.
#pragma once

#include <string>

namespace nextframe {

/// As printf. The pattern's "%lld" takes an int64_t after a cast to long long.
__attribute__((format(printf, 1, 2))) std::string format(const char* pattern, ...);

/// "1.5 s"
std::string seconds_text(double value_s);

/// The time now in UTC by strftime's pattern, then its milliseconds: "....123Z".
std::string now_utc(const char* pattern);

}  // namespace nextframe
