// JSON (nlohmann) as text, whatever bytes its texts have: a path may have any, JSON only UTF-8.
#pragma once

#include <string>

namespace nextframe {

/// Bytes that are not UTF-8 become U+FFFD. `indent` < 0 is one line.
template <class Json>
std::string json_text(const Json& json, int indent = -1) {
  return json.dump(indent, ' ', false, Json::error_handler_t::replace);
}

}  // namespace nextframe
