#include "kernels/kernel_warnings.h"

#include <mutex>
#include <set>
#include <vector>

namespace nextframe {
namespace {

struct Notes {
  std::mutex mutex;
  std::set<std::string> known;
  std::vector<std::string> untold;
  KernelWarningListener::Tell tell;
};

Notes& notes() {
  static Notes all;
  return all;
}

}  // namespace

KernelWarningListener::KernelWarningListener(Tell tell) {
  const std::lock_guard lock(notes().mutex);
  notes().tell = std::move(tell);
  for (const auto& text : notes().untold) notes().tell(text);
  notes().untold.clear();
}

KernelWarningListener::~KernelWarningListener() {
  const std::lock_guard lock(notes().mutex);
  notes().tell = {};
}

void warn_once_of_kernel(const std::string& text) {
  const std::lock_guard lock(notes().mutex);
  if (!notes().known.insert(text).second) return;
  if (notes().tell) {
    notes().tell(text);
  } else {
    notes().untold.push_back(text);
  }
}

}  // namespace nextframe
