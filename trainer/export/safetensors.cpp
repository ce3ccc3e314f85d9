#include "trainer/export/safetensors.h"

#include <ATen/ATen.h>

#include <bit>
#include <nlohmann/json.hpp>

#include "data/durable_file.h"
#include "trainer/json_text.h"

namespace nextframe {
namespace {

static_assert(std::endian::native == std::endian::little);

constexpr size_t kHeaderAlignment = 8;

std::string safetensors_header(const NamedTensors& tensors,
                               const std::map<std::string, std::string>& metadata) {
  nlohmann::ordered_json header;
  header["__metadata__"] = metadata;
  int64_t offset = 0;
  for (const auto& [name, tensor] : tensors) {
    const int64_t end = offset + tensor.numel() * static_cast<int64_t>(sizeof(float));
    header[name] = {
        {"dtype", "F32"}, {"shape", tensor.sizes().vec()}, {"data_offsets", {offset, end}}};
    offset = end;
  }
  auto text = json_text(header);
  text.append((kHeaderAlignment - text.size() % kHeaderAlignment) % kHeaderAlignment, ' ');
  return text;
}

}  // namespace

void write_safetensors(const std::filesystem::path& path, const NamedTensors& tensors,
                       const std::map<std::string, std::string>& metadata) {
  const auto header = safetensors_header(tensors, metadata);
  const uint64_t header_bytes = header.size();
  DurableFile file(unfinished_name(path));
  file.append(&header_bytes, sizeof(header_bytes));
  file.append(header.data(), header.size());
  for (const auto& [name, tensor] : tensors) {
    const auto numbers = tensor.detach().to(at::kCPU, at::kFloat).contiguous();
    file.append(numbers.const_data_ptr(), numbers.nbytes());
  }
  file.finish();
  rename_durably(unfinished_name(path), path);
}

}  // namespace nextframe
