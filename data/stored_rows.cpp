#include "data/stored_rows.h"

#include <c10/util/StringUtil.h>

#include <algorithm>

#include "data/h5_filters.h"

namespace nextframe {
namespace {

constexpr int64_t kMaxChunkBytes = (int64_t{1} << 32) - 1;  // HDF5's own limit
constexpr int kMaxVirtualDepth = 4;
constexpr int64_t kReferenceBytes = 16;  // of a list: length, address and number in its heap
constexpr int64_t kMaxProbes = 100000;   // for the place of a chunk that is missing

/// The product, or nothing if it is above the largest int64.
std::optional<int64_t> product(const std::vector<int64_t>& factors, int64_t unit) {
  int64_t result = unit;
  for (const int64_t factor : factors) {
    if (__builtin_mul_overflow(result, factor, &result)) return std::nullopt;
  }
  return result;
}

std::vector<ChunkFilter> read_filters(const H5PropertyList& creation) {
  std::vector<ChunkFilter> filters;
  const int count = H5Pget_nfilters(creation.get());
  for (int i = 0; i < count; ++i) {
    unsigned flags = 0, config = 0;
    size_t num_values = 256;
    std::vector<unsigned> values(num_values);
    const int id = H5Pget_filter2(creation.get(), static_cast<unsigned>(i), &flags, &num_values,
                                  values.data(), 0, nullptr, &config);
    if (id < 0) throw DataError("HDF5 cannot read the filters of a column" + h5_reason());
    values.resize(std::min(num_values, values.size()));
    filters.push_back({id, std::move(values)});
  }
  return filters;
}

/// Where a part of a dataset lies that its file names: at the path, beside the file, or here.
std::filesystem::path resolve_beside(const std::filesystem::path& file,
                                     const std::filesystem::path& named) {
  if (named.is_absolute()) return named;
  const auto beside = file.parent_path() / named;
  std::error_code error;
  const bool is_here =
      !std::filesystem::exists(beside, error) && std::filesystem::exists(named, error);
  return is_here ? named : beside.lexically_normal();
}

/// Rows [first, last) that a selection takes whole; nothing if it is not of that form.
std::optional<std::pair<int64_t, int64_t>> whole_rows(const H5Space& selection) {
  const int rank = H5Sget_simple_extent_ndims(selection.get());
  if (rank < 1) return std::nullopt;
  std::vector<hsize_t> extents(static_cast<size_t>(rank)), low(extents), high(extents);
  H5Sget_simple_extent_dims(selection.get(), extents.data(), nullptr);
  if (H5Sget_select_bounds(selection.get(), low.data(), high.data()) < 0) return std::nullopt;
  hsize_t points = high[0] - low[0] + 1;
  for (size_t d = 1; d < extents.size(); ++d) {
    if (low[d] != 0 || high[d] + 1 != extents[d]) return std::nullopt;
    if (__builtin_mul_overflow(points, extents[d], &points)) return std::nullopt;
  }
  const hssize_t selected = H5Sget_select_npoints(selection.get());
  if (selected < 0 || static_cast<hsize_t>(selected) != points) return std::nullopt;
  return std::pair{static_cast<int64_t>(low[0]), static_cast<int64_t>(high[0]) + 1};
}

std::string mapped_name(const H5PropertyList& creation, size_t mapping,
                        ssize_t (*read)(hid_t, size_t, char*, size_t)) {
  const ssize_t length = read(creation.get(), mapping, nullptr, 0);
  if (length < 0 || length > 65536) throw DataError("HDF5 cannot read a virtual dataset's sources");
  std::string name(static_cast<size_t>(length) + 1, '\0');
  read(creation.get(), mapping, name.data(), name.size());
  name.pop_back();
  return name;
}

}  // namespace

StoredRows::StoredRows(const H5File& file, const std::string& name, int depth, Elements elements)
    : name_(name),
      elements_(elements),
      dataset_(open_dataset(file, name)),
      stored_type_(
          [&] {
            const H5Lock lock;
            return H5Dget_type(dataset_.get());
          }(),
          "read the type of '" + name + "'"),
      creation_(
          [&] {
            const H5Lock lock;
            return H5Dget_create_plist(dataset_.get());
          }(),
          "read the layout of '" + name + "'") {
  const H5Lock lock;
  const H5File own_file(H5Iget_file_id(dataset_.get()), "find the file of '" + name + "'");
  path_ = h5_path(own_file);  // another one, behind an external link
  file_bytes_ = h5_file_bytes(own_file);
  type_ = describe_type(stored_type_);
  check_elements();
  read_shape();
  switch (H5Pget_layout(creation_.get())) {
    case H5D_CHUNKED:
      read_chunking();
      check_every_chunk_is_there();
      break;
    case H5D_CONTIGUOUS:
    case H5D_COMPACT:
      check_one_piece();
      layout_ = H5Pget_external_count(creation_.get()) > 0 ? "in external files" : "contiguous";
      break;
    case H5D_VIRTUAL:
      open_parts(file, depth);
      break;
    default:
      throw DataError("column '" + name + "' has a layout that this program does not know");
  }
}

void StoredRows::check_elements() const {
  if (elements_ == Elements::byte_lists) return check_byte_lists();
  if (elements_ == Elements::texts) {
    const bool is_fixed = type_.kind == ElementType::Kind::text &&
                          H5Tis_variable_str(stored_type_.get()) == 0 && type_.bytes > 0;
    if (is_fixed) return;
    throw DataError("column '" + name_ + "' holds " + type_.name +
                    "; needed: texts of a fixed length, which NumPy writes as the type S");
  }
  if (!type_.is_number() && type_.kind != ElementType::Kind::choice) {
    throw DataError("column '" + name_ + "' holds " + type_.name +
                    "; needed: integers, floating numbers, an enum or booleans");
  }
}

/// HDF5 1.10 overruns its memory where a list's length is damaged, so it is never asked to read
/// one.
void StoredRows::check_byte_lists() const {
  bool is_bytes = H5Tget_class(stored_type_.get()) == H5T_VLEN;
  if (is_bytes) {
    const H5Type element(H5Tget_super(stored_type_.get()), "read the type of a list");
    is_bytes = H5Tget_class(element.get()) == H5T_INTEGER && H5Tget_size(element.get()) == 1;
  }
  const auto layout = H5Pget_layout(creation_.get());
  const H5File own_file(H5Iget_file_id(dataset_.get()), "find the file of '" + name_ + "'");
  const H5PropertyList made(H5Fget_create_plist(own_file.get()), "read how the file was made");
  size_t address_bytes = 0, length_bytes = 0;
  check_h5(H5Pget_sizes(made.get(), &address_bytes, &length_bytes), "read the sizes of a file");
  if (is_bytes && type_.bytes == kReferenceBytes && address_bytes == 8 && length_bytes == 8 &&
      (layout == H5D_CONTIGUOUS || layout == H5D_CHUNKED) &&
      H5Pget_external_count(creation_.get()) <= 0) {
    return;
  }
  throw DataError(
      "column '" + name_ + "' holds " + type_.name +
      "; needed: lists of uint8 of varying length, in this file, chunked or contiguous");
}

void StoredRows::read_shape() {
  const auto extents = h5_shape(dataset_);
  if (extents.empty()) {
    throw DataError("column '" + name_ + "' is a single value or empty; needed: a row a frame");
  }
  for (const hsize_t extent : extents) {
    if (extent > static_cast<hsize_t>(INT64_MAX)) {
      throw DataError("column '" + name_ + "' has an extent of " + std::to_string(extent) +
                      "; it is damaged");
    }
    shape_.push_back(static_cast<int64_t>(extent));
  }
  const auto bytes = product({shape_.begin() + 1, shape_.end()}, type_.bytes);
  if (!bytes || !product(shape_, type_.bytes)) {
    throw DataError(c10::str("column '", name_, "' claims the shape [", c10::Join(", ", shape_),
                             "], which no file could hold; it is damaged"));
  }
  row_bytes_ = *bytes;
}

void StoredRows::read_chunking() {
  std::vector<hsize_t> extents(shape_.size());
  const int rank = H5Pget_chunk(creation_.get(), static_cast<int>(extents.size()), extents.data());
  for (const hsize_t extent : extents) {
    chunk_.push_back(static_cast<int64_t>(std::min<hsize_t>(extent, kMaxChunkBytes + 1)));
  }
  const auto bytes = product(chunk_, type_.bytes);
  if (rank != static_cast<int>(extents.size()) || !bytes || *bytes < 1 || *bytes > kMaxChunkBytes) {
    throw DataError(c10::str("column '", name_, "' has chunks of [", c10::Join(", ", extents),
                             "], which HDF5 does not allow; it is damaged"));
  }
  chunk_bytes_ = *bytes;
  has_whole_rows_ = std::equal(chunk_.begin() + 1, chunk_.end(), shape_.begin() + 1);
  filters_ = read_filters(creation_);
  codec_ = ChunkCodec::from_filters(filters_);
  layout_ = c10::str("chunks [", c10::Join(", ", chunk_), "]");
  for (const auto& filter : filters_) layout_ += ", " + filter_name(filter.id);
  if (!codec_) check_filters_are_there(filters_);
  if (!codec_ && elements_ == Elements::byte_lists) {
    throw DataError("column '" + name_ + "' is stored with filters that only HDF5 can undo (" +
                    layout_ + "); store its lists with gzip or with no filter");
  }
}

/// HDF5 would give the fill value, black, for a chunk that is not there.
void StoredRows::check_every_chunk_is_there() const {
  std::vector<int64_t> grid;
  for (size_t d = 0; d < shape_.size(); ++d) {
    grid.push_back(shape_[d] / chunk_[d] + (shape_[d] % chunk_[d] != 0 ? 1 : 0));
  }
  const auto needed = product(grid, 1);
  if (needed && *needed == 0) return;
  const H5Space space(H5Dget_space(dataset_.get()), "read the extent of '" + name_ + "'");
  hsize_t there = 0;
  check_h5(H5Dget_num_chunks(dataset_.get(), space.get(), &there),
           "count the chunks of '" + name_ + "'");
  if (!needed || static_cast<int64_t>(there) < *needed) {
    throw DataError(
        c10::str("column '", name_, "' [", c10::Join(", ", shape_), "] has ", there, " of the ",
                 needed ? std::to_string(*needed) : "2^63 and more",
                 " chunks that its shape needs; the first one that was never written is "
                 "at row ",
                 first_missing_row(static_cast<int64_t>(there)),
                 ". Write them all, or shorten the column: nothing is invented for them"));
  }
  const auto stored = static_cast<int64_t>(H5Dget_storage_size(dataset_.get()));
  if (stored > file_bytes_ || shape_[0] * row_bytes_ / kMaxChunkRatio > stored) {
    throw DataError(c10::str("column '", name_, "' [", c10::Join(", ", shape_), "] cannot be what ",
                             stored, " stored bytes in a file of ", file_bytes_,
                             " hold; it is damaged"));
  }
}

/// Among the first `there` + 1 chunks, in the order of rows, one is missing.
int64_t StoredRows::first_missing_row(int64_t there) const {
  std::vector<hsize_t> place(shape_.size(), 0);
  for (int64_t probes = std::min(there, kMaxProbes); probes >= 0; --probes) {
    hsize_t bytes = 0;
    if (H5Dget_chunk_storage_size(dataset_.get(), place.data(), &bytes) < 0 || bytes == 0) break;
    for (size_t d = place.size(); d-- > 0;) {
      place[d] += static_cast<hsize_t>(chunk_[d]);
      if (d == 0 || place[d] < static_cast<hsize_t>(shape_[d])) break;
      place[d] = 0;
    }
  }
  return static_cast<int64_t>(place[0]);
}

/// One run of bytes in the file, in its header or in files outside.
void StoredRows::check_one_piece() {
  const int64_t bytes = shape_[0] * row_bytes_;
  if (bytes == 0) return;
  if (H5Pget_external_count(creation_.get()) > 0) return open_external_files();
  const auto stored = H5Dget_storage_size(dataset_.get());
  const bool is_compact = H5Pget_layout(creation_.get()) == H5D_COMPACT;
  if (!is_compact && (stored == 0 || H5Dget_offset(dataset_.get()) == HADDR_UNDEF)) {
    throw DataError("column '" + name_ +
                    "' was never written: the file has a place for it and no " +
                    "bytes; write it, or make the file again");
  }
  if (static_cast<int64_t>(stored) != bytes || bytes > file_bytes_) {
    throw DataError(c10::str("column '", name_, "' claims the shape [", c10::Join(", ", shape_),
                             "], ", bytes, " bytes, but the file stores ", stored, " of its ",
                             file_bytes_, " bytes for it; it is damaged"));
  }
  if (is_compact) return;
  const auto offset = H5Dget_offset(dataset_.get());
  if (offset > static_cast<haddr_t>(file_bytes_ - bytes)) {
    throw DataError("column '" + name_ + "' lies behind the file's end; copy or make it again");
  }
}

/// HDF5 would fill up with zeros what an external file lacks.
void StoredRows::open_external_files() {
  int64_t held = 0;
  const int64_t bytes = shape_[0] * row_bytes_;
  const int count = H5Pget_external_count(creation_.get());
  for (int i = 0; i < count && held < bytes; ++i) {
    std::string name(4096, '\0');
    off_t offset = 0;
    hsize_t size = 0;
    check_h5(H5Pget_external(creation_.get(), static_cast<unsigned>(i), name.size() - 1,
                             name.data(), &offset, &size),
             "read the external files of '" + name_ + "'");
    const auto place = resolve_beside(path_, name.c_str());
    const auto needed = static_cast<int64_t>(std::min(size, static_cast<hsize_t>(bytes - held)));
    const std::string what = "column '" + name_ + "' lies in the file " + place.string();
    std::error_code error;
    const auto status = std::filesystem::status(place, error);
    if (!std::filesystem::exists(status)) throw DataError(what + ", which is not there");
    if (!std::filesystem::is_regular_file(status)) {
      throw DataError(what + ", which is not a regular file");
    }
    const auto there = static_cast<int64_t>(std::filesystem::file_size(place));
    if (offset < 0 || offset > there || there - offset < needed) {
      throw DataError(c10::str(what, ", which has ", there, " bytes; needed: ", needed,
                               " from byte ", offset, " on"));
    }
    external_.push_back({place, offset, needed});
    held += needed;
  }
  if (held < bytes) {
    throw DataError(c10::str("column '", name_, "' needs ", bytes,
                             " bytes, and its external files hold ", held));
  }
}

void StoredRows::open_parts(const H5File& file, int depth) {
  if (depth >= kMaxVirtualDepth) {
    throw DataError("column '" + name_ + "' is a virtual dataset of virtual datasets of others, " +
                    std::to_string(kMaxVirtualDepth) + " deep; store it as one plain dataset");
  }
  size_t count = 0;
  check_h5(H5Pget_virtual_count(creation_.get(), &count), "count the sources of '" + name_ + "'");
  for (size_t i = 0; i < count; ++i) parts_.push_back(open_part(file, i, depth));
  std::sort(parts_.begin(), parts_.end(),
            [](const Part& a, const Part& b) { return a.first < b.first; });
  int64_t covered = 0;
  for (const auto& part : parts_) {
    if (part.first != covered) break;
    covered = part.last;
  }
  if (covered != num_rows()) {
    throw DataError(c10::str("column '", name_, "' is a virtual dataset of ", num_rows(),
                             " rows whose sources leave out or repeat row ", covered,
                             "; store it as one plain dataset"));
  }
  layout_ = c10::str("virtual, ", count, " sources");
}

StoredRows::Part StoredRows::open_part(const H5File& file, size_t mapping, int depth) const {
  const auto source_file = mapped_name(creation_, mapping, H5Pget_virtual_filename);
  const auto source_name = mapped_name(creation_, mapping, H5Pget_virtual_dsetname);
  const std::string what = "column '" + name_ + "' is a virtual dataset: its source " +
                           source_file + " (" + source_name + ") ";
  const H5Space here(H5Pget_virtual_vspace(creation_.get(), mapping), "read a virtual dataset");
  const H5Space there(H5Pget_virtual_srcspace(creation_.get(), mapping), "read a virtual dataset");
  const auto rows = whole_rows(here);
  if (!rows) {
    throw DataError(what + "is not one run of whole rows; store the column as one plain dataset");
  }
  Part part{rows->first, rows->second, 0, nullptr};
  try {
    const auto place = source_file == "." ? path_ : resolve_beside(path_, source_file);
    const H5File opened = open_h5(place);
    part.source.reset(new StoredRows(opened, source_name, depth + 1, Elements::numbers));
  } catch (const DataError& error) {
    throw DataError(what + "cannot be read: " + error.what());
  }
  set_h5_subject(h5_path(file).string());
  const auto& from = *part.source;
  const auto source_rows = H5Sget_select_type(there.get()) == H5S_SEL_ALL
                               ? std::optional(std::pair<int64_t, int64_t>(0, from.num_rows()))
                               : whole_rows(there);
  const bool is_alike =
      std::equal(shape_.begin() + 1, shape_.end(), from.shape_.begin() + 1, from.shape_.end()) &&
      H5Tequal(stored_type_.get(), from.stored_type_.get()) > 0;
  if (!source_rows || !is_alike || source_rows->second > from.num_rows() ||
      source_rows->second - source_rows->first != part.last - part.first) {
    throw DataError(c10::str(what, "is ", from.type_.name, " [", c10::Join(", ", from.shape_),
                             "], which does not fill rows ", part.first, " to ", part.last - 1,
                             " of ", type_.name, " [", c10::Join(", ", shape_),
                             "]; make both again"));
  }
  part.source_first = source_rows->first;
  return part;
}

}  // namespace nextframe
