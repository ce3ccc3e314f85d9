#include "launch/rank_agreement.h"

#include <ATen/Functions.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <fstream>
#include <random>
#include <thread>

#include "launch/environment.h"
#include "launch/error.h"

namespace nextframe {
namespace {

namespace fs = std::filesystem;

constexpr auto kPollInterval = std::chrono::milliseconds(50);

at::Tensor to_bytes(const std::string& text, int64_t padded_bytes) {
  at::Tensor bytes = at::zeros({padded_bytes}, at::kByte);
  if (!text.empty()) std::memcpy(bytes.mutable_data_ptr(), text.data(), text.size());
  return bytes;
}

std::string rank_and_host(size_t rank, const std::string& host) {
  return "rank " + std::to_string(rank) + " on " + host;
}

std::string random_token() {
  std::random_device random;
  std::string token;
  for (int i = 0; i < 4; ++i) token += std::to_string(random()) + ".";
  return token + std::to_string(getpid());
}

std::string read_file(const fs::path& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// Writes the token; returns what went wrong, or "".
std::string write_token(const fs::path& path, const std::string& token) {
  std::ofstream file(path);
  file << token << std::flush;
  if (file) return "";
  return "cannot write " + path.string() + ": " + std::strerror(errno);
}

std::string find_token(const fs::path& path, const std::string& token,
                       std::chrono::milliseconds patience) {
  const auto limit = std::chrono::steady_clock::now() + patience;
  while (read_file(path) != token) {
    if (std::chrono::steady_clock::now() > limit) {
      return "does not see the file that rank 0 wrote to " + path.string();
    }
    std::this_thread::sleep_for(kPollInterval);
  }
  return "";
}

}  // namespace

std::vector<std::string> gather_strings(Communicator& communicator, const std::string& mine) {
  const int64_t size = communicator.size();
  const auto length = at::full({1}, static_cast<int64_t>(mine.size()), at::kLong);
  const auto lengths = at::empty({size}, at::kLong);
  communicator.all_gather(length, lengths).wait();
  const auto* length_of = lengths.const_data_ptr<int64_t>();
  const int64_t padded_bytes = *std::max_element(length_of, length_of + size);
  const auto all = at::empty({size * padded_bytes}, at::kByte);
  communicator.all_gather(to_bytes(mine, padded_bytes), all).wait();
  std::vector<std::string> texts;
  for (int64_t rank = 0; rank < size; ++rank) {
    const auto* begin = static_cast<const char*>(all.const_data_ptr()) + rank * padded_bytes;
    texts.emplace_back(begin, static_cast<size_t>(length_of[rank]));
  }
  return texts;
}

std::string broadcast_string(Communicator& communicator, const std::string& text, int64_t root) {
  const auto length = at::full({1}, static_cast<int64_t>(text.size()), at::kLong);
  communicator.broadcast(length, root).wait();
  const auto length_bytes = *length.const_data_ptr<int64_t>();
  const bool is_root = communicator.rank() == root;
  const auto bytes = to_bytes(is_root ? text : "", length_bytes);
  communicator.broadcast(bytes, root).wait();
  return {static_cast<const char*>(bytes.const_data_ptr()), static_cast<size_t>(length_bytes)};
}

void require_equal(Communicator& communicator, const std::string& what, const std::string& value) {
  const auto values = gather_strings(communicator, value);
  const auto hosts = gather_strings(communicator, host_name());
  std::string differing;
  for (size_t rank = 1; rank < values.size(); ++rank) {
    if (values[rank] == values[0]) continue;
    differing += "\n  " + rank_and_host(rank, hosts[rank]) + " has '" + values[rank] + "'";
  }
  if (differing.empty()) return;
  throw EnvironmentError("ranks do not agree on the " + what + ": " + rank_and_host(0, hosts[0]) +
                         " has '" + values[0] + "', but" + differing +
                         "\ngive every host the same program and the same files");
}

void require_no_problem(Communicator& communicator, const std::string& what,
                        const std::string& problem) {
  const auto problems = gather_strings(communicator, problem);
  const auto hosts = gather_strings(communicator, host_name());
  std::string found;
  for (size_t rank = 0; rank < problems.size(); ++rank) {
    if (problems[rank].empty()) continue;
    found += "\n  " + rank_and_host(rank, hosts[rank]) + ": " + problems[rank];
  }
  if (!found.empty()) throw EnvironmentError(what + ":" + found);
}

void require_shared_folder(Communicator& communicator, const fs::path& folder,
                           std::chrono::milliseconds patience) {
  const bool is_root = communicator.rank() == 0;
  const auto token = broadcast_string(communicator, is_root ? random_token() : "");
  const auto path = folder / (".roll_call." + token);
  const std::string what = "every rank needs the same folder " + folder.string() +
                           "; put it on a file system that all hosts share";
  require_no_problem(communicator, what, is_root ? write_token(path, token) : "");
  const auto problem = find_token(path, token, patience);
  communicator.barrier().wait();
  if (is_root) {
    std::error_code ignored;
    fs::remove(path, ignored);
  }
  require_no_problem(communicator, what, problem);
}

}  // namespace nextframe
