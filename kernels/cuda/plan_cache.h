// This file is plans that are dear to make, each made once for its problem, as is the finding that
// there is none.
#pragma once

#include <exception>
#include <functional>
#include <map>
#include <memory>
#include <string>

namespace nextframe {

/// For one thread at a time.
template <class Problem, class Plan>
class PlanCache {
 public:
  struct Found {
    std::unique_ptr<Plan> plan;
    std::string refusal;  // why there is none
  };
  using Make = std::function<std::unique_ptr<Plan>(const Problem& problem)>;

  /// `make` throws a std::exception that says why there is no plan. What is found stays.
  const Found& of(const Problem& problem, const Make& make) {
    const auto [place, is_new] = found_.try_emplace(problem);
    if (!is_new) return place->second;
    try {
      place->second.plan = make(problem);
    } catch (const std::exception& reason) {
      place->second.refusal = reason.what();
    }
    return place->second;
  }

 private:
  std::map<Problem, Found> found_;
};

}  // namespace nextframe
