#include "model/tokenizer/tokenizer.h"

#include "kernels/patchify.h"
#include "kernels/torch.h"

namespace nextframe {

at::Tensor Tokenizer::reconstruct(const at::Tensor& frames_BTHWC) {
  const torch::NoGradGuard no_grad;
  freeze();
  return unit_range(decode(encode(frames_BTHWC)));
}

at::Tensor Tokenizer::one_step(const at::Tensor&, const at::Tensor&, const RolloutOptions&) {
  TORCH_CHECK(false, "tokenizer: reconstructs frames and predicts none");
}

at::Tensor Tokenizer::rollout(const at::Tensor&, const at::Tensor&, const RolloutOptions&) {
  TORCH_CHECK(false, "tokenizer: reconstructs frames and predicts none");
}

FrozenTokenizer::FrozenTokenizer(std::shared_ptr<Tokenizer> tokenizer, int64_t pack)
    : tokenizer_(std::move(tokenizer)), pack_(pack), space_(tokenizer_->space()) {
  tokenizer_->freeze();
  if (pack_ == 1) return;
  TORCH_CHECK(space_.kind == LatentSpace::Kind::values, "tokenizer.pack = ", pack_,
              " needs a tokenizer of values; this one gives codes");
  TORCH_CHECK(space_.columns % pack_ == 0, "tokenizer.pack = ", pack_, " must divide the ",
              space_.columns, " tokens of a row");
  space_.columns /= pack_;
  space_.width *= pack_;
}

void FrozenTokenizer::to(c10::Device device, bool non_blocking) {
  tokenizer_->to(device, non_blocking);
  tokenizer_->freeze();
  space_.code_vectors_VE = tokenizer_->space().code_vectors_VE;
}

at::Tensor FrozenTokenizer::encode(const at::Tensor& frames_BTHWC) const {
  const torch::NoGradGuard no_grad;
  const auto latents_BT = tokenizer_->encode(frames_BTHWC);
  if (pack_ == 1) return latents_BT;
  return latents_BT.reshape(
      {latents_BT.size(0), latents_BT.size(1), space_.tokens(), space_.width});
}

at::Tensor FrozenTokenizer::decode(const at::Tensor& latents_BT) const {
  const torch::NoGradGuard no_grad;
  if (pack_ == 1) return tokenizer_->decode(latents_BT);
  return tokenizer_->decode(latents_BT.reshape(
      {latents_BT.size(0), latents_BT.size(1), space_.tokens() * pack_, space_.width / pack_}));
}

void TrainedTokenizer::fields(FieldVisitor& field) {
  field.free(
      "from", from,
      "the tokenizer's run or checkpoint, or the config that trains it, which is done first; "
      "a config is looked for beside this one");
  field("digest", digest, "the tokenizer's weights, filled in when the run begins");
  field("pack", pack, "neighbouring tokens of values that become one token of the network",
        Range{1, 4096});
}

void TrainedTokenizer::check(const Report& report) const {
  if (from.empty()) report("from", "is missing: a run, a checkpoint, or a config to train");
}

namespace {

const bool registered_pixels = TokenizerRegistry::instance().add(
    "pixels", {"frames stay pixels; the default", [](FieldVisitor&, const Report&) {}, nullptr});

const bool registered_trained =
    TokenizerRegistry::instance().add("trained", {"a tokenizer that another run has trained",
                                                  [](FieldVisitor& field, const Report& report) {
                                                    TrainedTokenizer trained;
                                                    trained.fields(field);
                                                    trained.check(report);
                                                  },
                                                  nullptr});

}  // namespace
}  // namespace nextframe
