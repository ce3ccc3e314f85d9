#include "kernels/cuda/cudnn/cudnn_graph.h"

// The library is loaded, not linked: LibTorch has brought it along, wherever it lies. JSON of
// graphs is not used. LibTorch has an older copy of these headers inside, under the same names.
#define NV_CUDNN_FRONTEND_USE_DYNAMIC_LOADING
#define CUDNN_FRONTEND_SKIP_JSON_LIB
#define cudnn_frontend cudnn_frontend_of_nextframe
#include <cudnn_frontend.h>
#include <dlfcn.h>

#include <algorithm>
#include <stdexcept>

#include "kernels/cuda/plan_cache.h"

namespace cudnn_frontend {
void* cudnn_dlhandle = nullptr;  // what cudnn_frontend.h looks names up in
}

namespace nextframe {
namespace {

namespace fe = cudnn_frontend;
using Tensor = std::shared_ptr<fe::graph::Tensor_attributes>;
using Dims = std::vector<int64_t>;

constexpr int64_t kStats = kCudnnOperands;  // its number in a graph, behind the operands'

void load_library() {
  static void* const library = dlopen("libcudnn.so.9", RTLD_NOW);
  if (library == nullptr) {
    throw std::runtime_error(
        "libcudnn.so.9 is not found; scripts/setup --cuda installs it, and trainer.flash_kernels "
        "asks for it");
  }
  fe::cudnn_dlhandle = library;
}

/// The first line of an error: below it stand engines that nobody asked for.
template <class Error>
void need_or_throw(fe::error_t error) {
  if (error.is_good()) return;
  const std::string text = error.get_message();
  throw Error("cuDNN says: " + text.substr(0, std::min(text.find('\n'), size_t{200})));
}
void need(fe::error_t error) { need_or_throw<std::runtime_error>(error); }
void need_support(fe::error_t error) { need_or_throw<NotSupported>(error); }
void need(cudnnStatus_t status, const char* call) {
  if (status == CUDNN_STATUS_SUCCESS) return;
  throw std::runtime_error(std::string(call) + " fails: " + fe::detail::get_error_string(status));
}

cudnnHandle_t raw(const CudnnHandle& handle) { return static_cast<cudnnHandle_t>(handle.get()); }

/// Shapes, layouts and numbers of tensors of one problem.
class Tensors {
 public:
  Tensors(fe::graph::Graph& graph, const CudnnProblem& problem)
      : graph_(graph), problem_(problem) {}

  Tensor input(int operand) const { return graph_.tensor(*described(operand)); }
  Tensor input_stats() const { return graph_.tensor(*as_stats(fresh())); }
  void output(const Tensor& x, int operand) const { describe(x, operand)->set_output(true); }
  void output_stats(const Tensor& x) const { as_stats(x)->set_output(true); }

 private:
  static Tensor fresh() { return std::make_shared<fe::graph::Tensor_attributes>(); }
  Tensor described(int operand) const { return describe(fresh(), operand); }

  Tensor describe(const Tensor& x, int operand) const {
    const auto& p = problem_;
    const auto& strides = p.strides[operand];
    x->set_uid(operand)
        .set_dim({p.batch, p.heads, p.positions(operand), p.head_dim})
        .set_stride({strides.batch, strides.head, strides.position, 1})
        .set_data_type(p.format == HalfFormat::fp16 ? fe::DataType_t::HALF
                                                    : fe::DataType_t::BFLOAT16);
    return x;
  }
  Tensor as_stats(const Tensor& x) const {
    const auto& p = problem_;
    x->set_uid(kStats)
        .set_dim({p.batch, p.heads, p.queries, 1})
        .set_stride({p.heads * p.queries, p.queries, 1, 1})
        .set_data_type(fe::DataType_t::FLOAT);
    return x;
  }

  fe::graph::Graph& graph_;
  const CudnnProblem& problem_;
};

template <class Attributes>
Attributes with_mask(Attributes attributes, const CudnnProblem& problem) {
  attributes.set_attn_scale(problem.scale);
  if (problem.is_causal) {
    attributes.set_diagonal_alignment(fe::DiagonalAlignment_t::TOP_LEFT)
        .set_diagonal_band_right_bound(0);
  }
  return attributes;
}

void add_forward(fe::graph::Graph& graph, const CudnnProblem& problem) {
  const Tensors tensors(graph, problem);
  const auto attributes = with_mask(fe::graph::SDPA_attributes().set_name("forward"), problem);
  const auto [result, stats] =
      graph.sdpa(tensors.input(kQuery), tensors.input(kKey), tensors.input(kValue),
                 fe::graph::SDPA_attributes(attributes).set_generate_stats(true));
  tensors.output(result, kResult);
  tensors.output_stats(stats);
}

void add_backward(fe::graph::Graph& graph, const CudnnProblem& problem) {
  const Tensors tensors(graph, problem);
  auto attributes = with_mask(fe::graph::SDPA_backward_attributes().set_name("backward"), problem);
  attributes.set_deterministic_algorithm(true);
  const auto grads = graph.sdpa_backward(tensors.input(kQuery), tensors.input(kKey),
                                         tensors.input(kValue), tensors.input(kResult),
                                         tensors.input(kGrad), tensors.input_stats(), attributes);
  for (size_t i = 0; i < 3; ++i) tensors.output(grads[i], kGradQuery + static_cast<int>(i));
}

}  // namespace

CudnnHandle::CudnnHandle() {
  load_library();
  cudnnHandle_t handle = nullptr;
  need(fe::detail::create_handle(&handle), "cudnnCreate");
  handle_ = handle;
}
CudnnHandle::~CudnnHandle() { fe::detail::destroy_handle(static_cast<cudnnHandle_t>(handle_)); }

void CudnnHandle::use_stream(CUstream_st* stream) {
  need(fe::detail::set_stream(raw(*this), stream), "cudnnSetStream");
}

struct CudnnGraph::Graph : fe::graph::Graph {};

CudnnGraph::CudnnGraph(const CudnnProblem& problem, int capability)
    : problem_(problem), graph_(std::make_unique<Graph>()) {
  load_library();
  graph_->set_intermediate_data_type(fe::DataType_t::FLOAT)
      .set_compute_data_type(fe::DataType_t::FLOAT)
      .set_sm_version(capability);
  (problem.is_backward ? add_backward : add_forward)(*graph_, problem_);
  need_support(graph_->validate());
}
CudnnGraph::~CudnnGraph() = default;

void CudnnGraph::choose_engine() {
  need_support(graph_->create_execution_plans({fe::HeurMode_t::A}));
  need_support(graph_->check_support());
}

void CudnnGraph::choose_engine(const std::string& device) {
  auto properties = std::make_shared<fe::DeviceProperties>();
  need(properties->deserialize({device.begin(), device.end()}));
  graph_->set_device_properties(properties);
  need_support(graph_->build_operation_graph());
  choose_engine();
}

void CudnnGraph::choose_engine(const CudnnHandle& handle) {
  need_support(graph_->build_operation_graph(raw(handle)));
  choose_engine();
}

void CudnnGraph::make_plan() { need(graph_->build_plans()); }

int64_t CudnnGraph::workspace_bytes() const {
  int64_t bytes = 0;
  need(graph_->get_workspace_size(bytes));
  return bytes;
}

void CudnnGraph::start(const CudnnHandle& handle,
                       const std::array<void*, kCudnnOperands>& addresses, float* stats,
                       void* workspace) const {
  std::unordered_map<int64_t, void*> by_number{{kStats, stats}};
  for (int i = 0; i < problem_.operands(); ++i) by_number[i] = addresses[i];
  need(graph_->execute(raw(handle), by_number, workspace));
}

std::string cudnn_properties() {
  const CudnnHandle handle;
  fe::DeviceProperties properties;
  std::vector<uint8_t> text;
  need(properties.set_handle(raw(handle)).build());
  need(properties.serialize(text));
  return {text.begin(), text.end()};
}

}  // namespace nextframe
