// A cache of plans that are expensive to make: each is made once for its problem, and so is the
// finding that none exists.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>

namespace nextframe {

/// There is no plan for this problem, and never will be: all ranks find so. What fails at one time
/// and not at another, as for lack of memory, is another error.
class NotSupported : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// For one thread at a time.
template <class Problem, class Plan>
class PlanCache {
 public:
  struct Found {
    std::unique_ptr<Plan> plan;
    std::string refusal;  // why there is none, in words; empty where there is one
  };
  using Make = std::function<std::unique_ptr<Plan>(const Problem& problem)>;

  /// What is found stays: a plan, or the words of a NotSupported from `make`. Its other errors pass
  /// and leave nothing.
  const Found& of(const Problem& problem, const Make& make) {
    const auto known = found_.find(problem);
    if (known != found_.end()) return known->second;
    return found_.emplace(problem, find(problem, make)).first->second;
  }

 private:
  static Found find(const Problem& problem, const Make& make) {
    try {
      return {make(problem), {}};
    } catch (const NotSupported& reason) {
      const std::string words = reason.what();
      return {nullptr, words.empty() ? "no reason was given" : words};
    }
  }

  std::map<Problem, Found> found_;
};

}  // namespace nextframe
