// maskgit: the codes of a frame are guessed where they are hidden (Chang et al. 2022; with actions
// and frame after frame as in Genie, Bruce et al. 2024).
//
// In training each frame hides a share of its codes, cos(pi u / 2) with u uniform in [0, 1); a
// share clean_frames of the frames hides none, as the past in a dream. The loss is the
// cross-entropy of the hidden codes.
//
// A frame is sampled in K rounds, from all codes hidden. In round k every hidden code is drawn from
// the network's distribution; the likeliest stay, so that N cos(pi/2 k/K) are hidden still.
//
// The frame that is predicted carries the action that leads to it, as in `flow`.
#include <ATen/ATen.h>

#include <cmath>
#include <numbers>

#include "kernels/draws.h"
#include "kernels/losses.h"
#include "model/objective/code_sampling.h"
#include "model/objective/masked_error.h"

namespace nextframe {
namespace {

constexpr double kQuarterTurn = std::numbers::pi / 2;

}  // namespace

class MaskGit final : public Objective {
 public:
  struct Config {
    double clean_frames = 0.3;
    double temperature = 1;
    double choice_temperature = 1;

    void fields(FieldVisitor& field) {
      field("clean_frames", clean_frames,
            "share of frames that hide nothing in training, as the past in a dream",
            Range{0, 0.95});
      field.free("temperature", temperature, "of the codes that are sampled; 0 takes the likeliest",
                 Range{0, 100});
      field.free(
          "choice_temperature", choice_temperature,
          "how much chance decides which codes of a round stay; falls to 0 in the last round",
          Range{0, 100});
    }
    void check(const Report&) const {}
  };

  explicit MaskGit(const Config& config) : config_(config) {}

  Traits asks() const override { return {Trait::hidden_codes}; }
  Traits frames() const override { return {Trait::codes}; }
  bool is_sampling() const override { return true; }

  LossTerms loss(CausalNetwork& network, const Clip& clip, const at::Tensor& draw) const override {
    const auto& codes_BTN = clip.x_BT;
    const auto hidden_BTN = draw_hidden(clip, draw);
    const auto logits_BTNV =
        network.peek(input(codes_BTN, arriving_actions(clip), hidden_BTN)).x_BT.slice(1, 1);
    const auto target_BTN = codes_BTN.slice(1, 1);
    const auto counts_BTN =
        hidden_BTN.slice(1, 1).to(at::kFloat) * valid_pairs(clip.mask_BT).unsqueeze(2);
    LossTerms terms;
    terms.sum = (token_cross_entropy(logits_BTNV, target_BTN) * counts_BTN).sum();
    terms.weight = counts_BTN.sum().to(at::kDouble);
    terms.sums["cross_entropy"] = terms.sum.detach();
    return terms;
  }

  at::Tensor next(CausalNetwork& network, const Clip& known,
                  const RolloutOptions& options) const override {
    const auto shown = at::zeros_like(known.x_BT, at::kBool);
    network.append(input(known.x_BT, arriving_actions(known), shown));
    const int64_t rounds = options.denoise_steps, tokens = known.x_BT.size(2);
    TORCH_CHECK(rounds >= 1, "rollout: denoise_steps must be 1 or more, got ", rounds);
    const int64_t frame_number = known.first_frame + known.x_BT.size(1);
    const auto actions_B1A = known.actions_BTA.slice(1, -1);
    auto codes_B1N = at::zeros_like(known.x_BT.slice(1, -1));
    auto hidden_B1N = at::ones_like(codes_B1N, at::kBool);
    for (int64_t k = 0; k < rounds; ++k) {
      const auto logits_B1NV = network.peek(input(codes_B1N, actions_B1A, hidden_B1N)).x_BT;
      const double progress = static_cast<double>(k + 1) / static_cast<double>(rounds);
      const int64_t still_hidden = k + 1 == rounds
                                       ? 0
                                       : static_cast<int64_t>(static_cast<double>(tokens) *
                                                              std::cos(kQuarterTurn * progress));
      const auto uniform =
          uniform_for_codes(known, frame_number * rounds + k, logits_B1NV.size(3) + 1, options);
      const auto guess_B1N = sample_codes(logits_B1NV, uniform.slice(3, 1), config_.temperature);
      codes_B1N = at::where(hidden_B1N, guess_B1N, codes_B1N);
      const auto chance_B1N =
          config_.choice_temperature * (1 - progress) * gumbel(uniform.select(3, 0));
      const auto confidence_B1N =
          logits_B1NV.log_softmax(3).gather(3, codes_B1N.unsqueeze(3)).squeeze(3) + chance_B1N;
      // Places by confidence; codes of earlier rounds stay. Equal ones go by their place.
      const auto order = at::where(hidden_B1N, confidence_B1N, HUGE_VAL).argsort(true, 2, false);
      hidden_B1N = order.argsort(true, 2, false).lt(still_hidden);
    }
    return codes_B1N;
  }

 private:
  static NetworkInput input(const at::Tensor& codes_BTN, const at::Tensor& actions_BTA,
                            const at::Tensor& hidden_BTN) {
    return {.x_BT = codes_BTN, .actions_BTA = actions_BTA, .hidden_BTN = hidden_BTN};
  }

  at::Tensor draw_hidden(const Clip& clip, const at::Tensor& draw) const {
    const int64_t frames = clip.x_BT.size(1), tokens = clip.x_BT.size(2);
    const auto uniform =
        draw_uniform(draw, DrawStream::hidden, clip.sample_ids_B, {frames, tokens + 2});
    const auto is_clean_BT1 = uniform.slice(2, tokens + 1).lt(config_.clean_frames);
    const auto share_BT1 = uniform.slice(2, tokens, tokens + 1).mul(kQuarterTurn).cos();
    return uniform.slice(2, 0, tokens).lt(share_BT1).logical_and(is_clean_BT1.logical_not());
  }

  Config config_;
};

NF_REGISTER_OBJECTIVE("maskgit", MaskGit,
                      "guesses hidden codes; dreams a frame's codes in a few rounds")

}  // namespace nextframe
