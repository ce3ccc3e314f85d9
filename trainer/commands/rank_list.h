// This file is how numbers of ranks are given on the command line.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace nextframe {

/// "4", "1,2,4", or "8..16384" for 8 and its doublings up to there. Throws UsageError.
std::vector<int64_t> parse_rank_list(const std::string& text);

}  // namespace nextframe
