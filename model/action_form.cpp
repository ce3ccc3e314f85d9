#include "model/action_form.h"

#include <ATen/ATen.h>

#include "kernels/draws.h"

namespace nextframe {
namespace {

/// The untold row: zeros, and a one in the last place.
at::Tensor untold_like(const at::Tensor& actions_BTA) {
  auto untold = at::zeros_like(actions_BTA);
  untold.select(-1, -1).fill_(1);
  return untold;
}

}  // namespace

void ActionForm::fields(FieldVisitor& field) {
  field("form", form,
        "how an action reaches the network: as a token of its own, added to every patch, both, or "
        "not at all",
        {"token_and_add", "token", "add", "none"});
  field("dropout", dropout,
        "share of clips, and of frames, whose actions are hidden in training, for guidance",
        Range::below(0, 1));
  field.free("from", from,
             "latent actions in place of the data's: their tokenizer's run or checkpoint, or the "
             "config that trains it, which is done first; a config is looked for beside this one");
  field("digest", digest, "the weights of their tokenizer, filled in when the run begins");
}

void ActionForm::check(const Report& report) const {
  if (is_latent() && is_none()) report("from", "is not used where actions.form = none");
}

Traits ActionForm::asks() const {
  return form == "token" || form == "add" ? Traits{Trait::tokens} : Traits{};
}

int64_t ActionForm::width(int64_t data_width) const {
  if (is_none() || data_width == 0) return 0;
  return data_width + (dropout > 0 ? 1 : 0);
}

at::Tensor ActionForm::encode(const at::Tensor& actions_BTA) const {
  if (is_none()) return actions_BTA.slice(2, 0, 0);
  if (dropout == 0 || actions_BTA.size(2) == 0) return actions_BTA;
  return at::constant_pad_nd(actions_BTA, {0, 1});
}

at::Tensor ActionForm::encode(const at::Tensor& actions_BTA, const at::Tensor& sample_ids_B,
                              const at::Tensor& draw) const {
  const auto told_BTA = encode(actions_BTA);
  if (dropout == 0 || told_BTA.size(2) == 0) return told_BTA;
  const int64_t frames = actions_BTA.size(1);
  const auto drawn =
      draw_uniform(draw, DrawStream::dropout, sample_ids_B, {frames + 1}).lt(dropout).unsqueeze(2);
  const auto is_hidden = drawn.slice(1, 0, frames).logical_or(drawn.slice(1, frames));
  return at::where(is_hidden, untold_like(told_BTA), told_BTA);
}

at::Tensor ActionForm::no_action(const at::Tensor& encoded_BTA) const {
  const auto row = encoded_BTA.slice(1, 0, 1);
  return dropout > 0 && row.size(2) > 0 ? untold_like(row) : at::zeros_like(row);
}

NetworkInput without_newest_action(const NetworkInput& input) {
  auto result = input;
  const auto &actions = input.actions_BTA, newest = actions.slice(1, -1);
  result.actions_BTA = at::cat({actions.slice(1, 0, -1), untold_like(newest)}, 1);
  return result;
}

}  // namespace nextframe
