#include "tests/fake_device/recording.h"

#include <ATen/ATen.h>
#include <ATen/core/LegacyTypeDispatch.h>
#include <c10/util/ScopeExit.h>

#include <algorithm>
#include <cstring>
#include <set>
#include <string>

#include "tests/fake_device/fake_device.h"
#include "tests/fake_device/operations.h"

namespace nextframe::fake_device {
namespace {

using torch::jit::Stack;

bool is_here(const at::Tensor& tensor) {
  return tensor.defined() && tensor.device().type() == c10::DeviceType::PrivateUse1;
}

const std::set<std::string> kShapesByNumbers = {
    "aten::nonzero",    "aten::masked_select", "aten::_unique2", "aten::unique_dim",
    "aten::is_nonzero", "aten::equal",         "aten::bincount", "aten::repeat_interleave"};

}  // namespace

/// What becomes of an operation besides being run.
class Recorder {
 public:
  static void call(const c10::OperatorHandle& given, Stack* stack);
  static void record(Recording& into, const std::function<void()>& body);

  static inline bool is_strict_ = false;

 private:
  struct Written {
    at::Tensor memory, before;  // of the CPU
  };

  static void check(const c10::OperatorHandle& operation, const Stack& arguments);
  static void keep_size(const at::Tensor& here, const at::Tensor& there);
  static void keep_what_is_written(const c10::OperatorHandle& operation, const Stack& arguments);

  static inline Recording* into_ = nullptr;
  static inline std::vector<Written> written_;
  static inline std::vector<at::Tensor> made_;
};

/// Autograd's engine runs backward on this device in a thread of its own while the caller waits, so
/// the recorder belongs to no thread.
void Recorder::check(const c10::OperatorHandle& operation, const Stack& arguments) {
  const auto& name = operation.schema().name();
  TORCH_CHECK(!kShapesByNumbers.contains(name), name, " waits for the device: shapes of results ",
              "depend on its numbers");
  const auto& results = operation.schema().returns();
  const auto gives_number = [](const c10::Argument& result) {
    const auto kind = result.type()->kind();
    return kind == c10::TypeKind::NumberType || kind == c10::TypeKind::BoolType ||
           kind == c10::TypeKind::IntType || kind == c10::TypeKind::FloatType;
  };
  TORCH_CHECK(!std::any_of(results.begin(), results.end(), gives_number), name,
              " asks the device for a number");
  bool has_device = false, has_host = false, has_bool_index = false;
  for (auto argument : arguments) {
    for_each_tensor(argument, [&](const at::Tensor& tensor) {
      has_device = has_device || is_here(tensor);
      has_host = has_host || (tensor.defined() && tensor.is_cpu() && tensor.dim() > 0);
      has_bool_index = has_bool_index || tensor.scalar_type() == at::kBool;
      return tensor;
    });
  }
  TORCH_CHECK(!(has_device && has_host), name, " takes tensors of the host and of the device");
  TORCH_CHECK(!(name == "aten::index" && has_bool_index), name, " by a mask waits for the device");
}

void Recorder::keep_what_is_written(const c10::OperatorHandle& operation, const Stack& arguments) {
  const auto& schema = operation.schema().arguments();
  for (size_t i = 0; i < arguments.size(); ++i) {
    const auto* alias = schema[i].alias_info();
    if (alias == nullptr || !alias->isWrite() || !arguments[i].isTensor()) continue;
    const auto& tensor = arguments[i].toTensor();
    const auto is_of = [&](const at::Tensor& other) {
      return other.storage().data() == tensor.storage().data();
    };
    if (std::any_of(made_.begin(), made_.end(), is_of)) continue;
    const auto bytes = static_cast<int64_t>(tensor.storage().nbytes());
    const auto memory = at::from_blob(const_cast<void*>(tensor.storage().data()), {bytes},
                                      at::TensorOptions(at::kByte));
    written_.push_back({memory, memory.clone()});
  }
}

/// What an operation has made larger is so here too.
void Recorder::keep_size(const at::Tensor& here, const at::Tensor& there) {
  auto* const impl = here.unsafeGetTensorImpl();
  if (here.storage().data() != there.storage().data()) {
    made_.push_back(there);
    impl->set_storage_keep_dtype(seen_from(kDevice, there).storage());
  }
  if (here.sizes() != there.sizes() || here.strides() != there.strides())
    impl->set_sizes_and_strides(there.sizes(), there.strides(), there.storage_offset());
}

/// The operation on the CPU, and its results as tensors of this device: what was given, a view of
/// it, or something new.
void Recorder::call(const c10::OperatorHandle& given, Stack* stack) {
  const at::AutoDispatchBelowADInplaceOrView below_autograd;
  auto operation = given;
  const auto name = given.schema().name();
  auto arguments = torch::jit::pop(*stack, given.schema().arguments().size());
  if (is_strict_) check(operation, arguments);
  auto& dispatcher = c10::Dispatcher::singleton();
  if (name == "aten::_copy_from") {  // to the second
    operation = dispatcher.findSchemaOrThrow("aten::copy_", "");
    std::swap(arguments[0], arguments[1]);
  } else if (name == "aten::convolution_overrideable") {
    operation = dispatcher.findSchemaOrThrow("aten::convolution", "");
  } else if (name == "aten::convolution_backward_overrideable") {
    operation = dispatcher.findSchemaOrThrow("aten::convolution_backward", "");
    arguments.insert(arguments.begin() + 3, c10::IValue());  // sizes of the bias: none
  }
  std::vector<std::pair<at::Tensor, at::Tensor>> seen;  // of this device, by the CPU
  for (auto& argument : arguments) {
    for_each_tensor(argument, [&](const at::Tensor& tensor) {
      if (!is_here(tensor)) return into_ != nullptr && tensor.defined() ? tensor.clone() : tensor;
      seen.emplace_back(tensor, seen_from(at::kCPU, tensor));
      return seen.back().second;
    });
    if (argument.isDevice()) argument = c10::Device(at::kCPU);
  }
  if (into_ != nullptr) keep_what_is_written(operation, arguments);
  Stack results = arguments;
  operation.callBoxed(results);
  for (const auto& [here, there] : seen) keep_size(here, there);

  Recording::Call record{operation, std::move(arguments), {}};
  for (auto& result : results) {
    for_each_tensor(result, [&](const at::Tensor& tensor) {
      if (!tensor.defined()) return tensor;
      for (const auto& [here, there] : seen) {
        if (tensor.is_same(there)) return here;
        if (tensor.storage().data() == there.storage().data())
          return tensor_in(here.storage(), tensor);
      }
      record.results.push_back(tensor);
      made_.push_back(tensor);
      return seen_from(kDevice, tensor);
    });
  }
  if (into_ == nullptr) made_.clear();
  if (into_ != nullptr) into_->calls_.push_back(std::move(record));
  stack->insert(stack->end(), results.begin(), results.end());
}

void Recorder::record(Recording& into, const std::function<void()>& body) {
  made_.clear(), written_.clear();
  into_ = &into;
  const auto stop = c10::make_scope_exit([&] {
    into_ = nullptr;
    std::reverse(written_.begin(), written_.end());  // the oldest state last
    for (const auto& write : written_) write.memory.copy_(write.before);
    for (const auto& tensor : made_)
      if (tensor.storage().nbytes() > 0)
        std::memset(tensor.storage().mutable_data(), 0xFF, tensor.storage().nbytes());
    made_.clear(), written_.clear();
  });
  run_strictly(body);
}

void run_strictly(const std::function<void()>& body) {
  Recorder::is_strict_ = true;
  const auto relax = c10::make_scope_exit([] { Recorder::is_strict_ = false; });
  body();
}

Recording::Recording(const std::function<void()>& body) { Recorder::record(*this, body); }
void Recording::replay() {
  const at::AutoDispatchBelowADInplaceOrView below_autograd;
  for (const auto& call : calls_) {
    Stack stack = call.arguments;
    std::set<const void*> given;
    for (auto argument : call.arguments)
      for_each_tensor(argument, [&](const at::Tensor& tensor) {
        if (tensor.defined()) given.insert(tensor.storage().data());
        return tensor;
      });
    call.operation.callBoxed(stack);
    auto place = call.results.begin();
    for (auto& result : stack)
      for_each_tensor(result, [&](const at::Tensor& tensor) {
        const bool is_made = tensor.defined() && !given.contains(tensor.storage().data());
        if (is_made) (place++)->copy_(tensor);
        return tensor;
      });
  }
}

GraphRecorder recorder() {
  return [](const std::function<void()>& body) { return std::make_unique<Recording>(body); };
}

void run_operation(const c10::OperatorHandle& operation, Stack* stack) {
  Recorder::call(operation, stack);
}

}  // namespace nextframe::fake_device
