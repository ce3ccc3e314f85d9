#include "model/cached_network.h"

#include <ATen/ATen.h>

#include "model/action_form.h"

namespace nextframe {
namespace {

/// Applies `function` to each pair of defined tensors; one of `left` alone may be undefined.
template <class Function>
NetworkInput zip(const NetworkInput& left, const NetworkInput& right, Function function) {
  const auto both = [&](const at::Tensor& a, const at::Tensor& b) {
    return b.defined() ? function(a, b) : at::Tensor();
  };
  return {both(left.x_BT, right.x_BT), both(left.actions_BTA, right.actions_BTA),
          both(left.level_BT, right.level_BT), both(left.num_steps_BT, right.num_steps_BT),
          both(left.hidden_BTN, right.hidden_BTN)};
}

NetworkInput after(const NetworkInput& kept, const NetworkInput& next) {
  if (!kept.x_BT.defined()) return next;
  return zip(kept, next, [](const at::Tensor& a, const at::Tensor& b) {
    return at::cat({a, b}, 1);
  });
}

NetworkInput newest(const NetworkInput& input, int64_t frames) {
  const int64_t first = input.x_BT.size(1) - frames;
  if (first <= 0) return input;
  return zip(input, input,
             [&](const at::Tensor& a, const at::Tensor&) { return a.slice(1, first); });
}

NetworkOutput newest(const NetworkOutput& output, int64_t frames) {
  const int64_t first = output.x_BT.size(1) - frames;
  if (first <= 0) return output;  // in training no operation is added
  return {output.x_BT.slice(1, first)};
}

}  // namespace

at::Tensor levels_of(const NetworkInput& input) {
  if (input.level_BT.defined()) return input.level_BT;
  return at::ones({input.x_BT.size(0), input.x_BT.size(1)}, input.x_BT.options().dtype(at::kFloat));
}

void keep_layer(const NetworkInput& input, const std::string& name, const at::Tensor& states_BTND) {
  if (input.layers == nullptr) return;
  input.layers->push_back({name, states_BTND.detach().to(at::kFloat)});
}

NetworkOutput CausalNetwork::peek_at(const NetworkInput& next, int64_t place) {
  return {peek(next).x_BT.narrow(2, place, 1)};
}

NetworkOutput WindowNetwork::peek(const NetworkInput& next) {
  return newest(run_(after(kept_, next), nullptr, false), next.x_BT.size(1));
}

NetworkOutput WindowNetwork::append(const NetworkInput& next) {
  kept_ = newest(after(kept_, next), window_);
  return newest(run_(kept_, nullptr, false), next.x_BT.size(1));
}

NetworkOutput CachedNetwork::peek(const NetworkInput& next) {
  TORCH_CHECK(is_empty_ || next.x_BT.size(1) == 1, "network: after cached frames one frame at a ",
              "time can be looked at, got ", next.x_BT.size(1));
  return run_(next, is_empty_ ? nullptr : cache_.get(), false);
}

NetworkOutput CachedNetwork::peek_at(const NetworkInput& next, int64_t place) {
  if (is_empty_) return CausalNetwork::peek_at(next, place);
  auto input = next;
  input.place = place;
  return run_(input, cache_.get(), false);
}

NetworkOutput CachedNetwork::append(const NetworkInput& next) {
  is_empty_ = false;
  return run_(next, cache_.get(), true);
}

std::unique_ptr<RememberingNetwork> CachedNetwork::clone() const {
  auto copy = std::make_unique<CachedNetwork>(run_, cache_->clone());
  copy->is_empty_ = is_empty_;
  return copy;
}

NetworkOutput WatchedNetwork::append(const NetworkInput& next) {
  auto watched = next;
  watched.layers = &layers_;
  return network_.append(watched);
}

NetworkOutput GuidedNetwork::peek(const NetworkInput& next) {
  const auto untold = network_.peek(without_newest_action(next));
  return guided(network_.peek(next), untold);
}

NetworkOutput GuidedNetwork::append(const NetworkInput& next) {
  const auto untold = network_.peek(without_newest_action(next));
  return guided(network_.append(next), untold);
}

NetworkOutput GuidedNetwork::guided(const NetworkOutput& told, const NetworkOutput& untold) const {
  return {at::lerp(untold.x_BT, told.x_BT, guidance_)};
}

}  // namespace nextframe
