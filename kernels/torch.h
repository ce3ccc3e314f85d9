// This file is as much of LibTorch as modules and gradients need. It is precompiled; all of
// <torch/torch.h> would be, too, but then every source would instantiate templates that none needs.
#pragma once

#include <ATen/ATen.h>
#include <torch/autograd.h>
#include <torch/nn/module.h>
#include <torch/utils.h>
