// The frame of every page that the program writes: its style sheet, and pictures inside the page.
#pragma once

#include <string>

namespace nextframe {

/// `<tag>inside</tag>`; `tag` may have attributes.
std::string element(const std::string& tag, const std::string& inside);

/// An image inside the page, above its caption; "" for no bytes.
///   kind  "png" or "webp"
std::string html_picture(const std::string& kind, const std::string& bytes,
                         const std::string& caption);

/// A whole page without external resources. `title` and `body` are HTML.
std::string html_page(const std::string& title, const std::string& body);

}  // namespace nextframe
