// The parts of LibTorch that modules and gradients need, precompiled. All of <torch/torch.h> would
// instantiate templates in every source that none of them needs.
#pragma once

#include <ATen/ATen.h>
#include <torch/autograd.h>
#include <torch/nn/module.h>
#include <torch/utils.h>
