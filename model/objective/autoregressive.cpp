// autoregressive: the codes of a frame come one after the other, row by row, each given all codes
// before it (Yan et al. 2021, VideoGPT; with actions as in iVideoGPT, Wu et al. 2024).
//
// The loss is the cross-entropy of every code of frames 1 .. T-1, by teacher forcing. A frame is
// sampled in as many network calls as it has codes.
//
// The frame that is predicted carries the action that leads to it, as in `flow`.
#include <ATen/ATen.h>

#include "kernels/losses.h"
#include "model/objective/code_sampling.h"
#include "model/objective/masked_error.h"

namespace nextframe {

class Autoregressive final : public Objective {
 public:
  struct Config {
    double temperature = 1;

    void fields(FieldVisitor& field) {
      field.free("temperature", temperature, "of the codes that are sampled; 0 takes the likeliest",
                 Range{0, 100});
    }
    void check(const Report&) const {}
  };

  explicit Autoregressive(const Config& config) : config_(config) {}

  Traits asks() const override { return {Trait::code_order}; }
  Traits frames() const override { return {Trait::codes}; }
  bool is_sampling() const override { return true; }

  LossTerms loss(CausalNetwork& network, const Clip& clip,
                 const at::Tensor& /*draw*/) const override {
    const auto logits_BTNV =
        network.peek(input(clip.x_BT, arriving_actions(clip))).x_BT.slice(1, 1);
    const auto entropy_BTN = token_cross_entropy(logits_BTNV, clip.x_BT.slice(1, 1));
    const auto counts_BT1 = valid_pairs(clip.mask_BT).unsqueeze(2);
    LossTerms terms;
    terms.sum = (entropy_BTN * counts_BT1).sum();
    terms.weight = counts_BT1.sum().to(at::kDouble) * static_cast<double>(entropy_BTN.size(2));
    terms.sums["cross_entropy"] = terms.sum.detach();
    return terms;
  }

  at::Tensor next(CausalNetwork& network, const Clip& known,
                  const RolloutOptions& options) const override {
    network.append(input(known.x_BT, arriving_actions(known)));
    const auto actions_B1A = known.actions_BTA.slice(1, -1);
    const auto codes_B1N = at::zeros_like(known.x_BT.slice(1, -1));
    at::Tensor uniform_B1NV;
    for (int64_t place = 0; place < codes_B1N.size(2); ++place) {
      const auto logits_B11V = network.peek_at(input(codes_B1N, actions_B1A), place).x_BT;
      if (!uniform_B1NV.defined()) {
        uniform_B1NV = uniform_for_codes(known, known.first_frame + known.x_BT.size(1),
                                         logits_B11V.size(3), options);
      }
      codes_B1N.narrow(2, place, 1)
          .copy_(sample_codes(logits_B11V, uniform_B1NV.narrow(2, place, 1), config_.temperature));
    }
    return codes_B1N;
  }

 private:
  static NetworkInput input(const at::Tensor& codes_BTN, const at::Tensor& actions_BTA) {
    return {.x_BT = codes_BTN, .actions_BTA = actions_BTA};
  }

  Config config_;
};

NF_REGISTER_OBJECTIVE("autoregressive", Autoregressive,
                      "guesses codes one after the other, each from all before it")

}  // namespace nextframe
