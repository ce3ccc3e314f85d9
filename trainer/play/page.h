// The page that a browser plays in: trainer/play/page.html, without any outside resource.
#pragma once

#include <string>

namespace nextframe {

std::string play_page();

}  // namespace nextframe
