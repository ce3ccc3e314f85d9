// Formats numbers, times and commands as text.
#pragma once

#include <string>
#include <vector>

namespace nextframe {

/// Like printf, but returns a string. For "%lld", cast an int64_t to long long.
__attribute__((format(printf, 1, 2))) std::string format(const char* pattern, ...);

/// "1.5 s"
std::string seconds_text(double value_s);

/// The current time in UTC by strftime's pattern, then milliseconds: "….123Z".
std::string now_utc(const char* pattern);

/// The words as a shell reads them back.
std::string shell_words(const std::vector<std::string>& words);

}  // namespace nextframe
