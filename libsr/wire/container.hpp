// SPDX-License-Identifier: LGPL-2.1-or-later
// Finds the libxc stream in whatever holds it: a libxl stream, an xl save file, or nothing around
// it.
#pragma once

#include "libsr/wire/container_records.hpp"
#include "libsr/wire/peek_source.hpp"
#include "libsr/wire/record_framing.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sr {

enum class ContainerKind : std::uint8_t {
    libxc,  ///< none: what libxc and libxl-save-helper write
    libxl,  ///< what libxl and xl migrate write
    xl,     ///< a file of xl save: header, configuration, libxl stream
};

/// "libxc stream", "libxl stream", "xl save file".
[[nodiscard]] const char* to_string(ContainerKind kind) noexcept;

/// The header of an xl save file.
struct XlHeader {
    bool config_is_json;
    std::string config;  ///< without its NUL; empty if the file has none
};

/// "LIBXC_CONTEXT", …; "unknown".
[[nodiscard]] const char* name_of_libxl_record(std::uint32_t type) noexcept;

/// One record of a libxl stream. Bodies of emulators' contexts are not kept.
struct LibxlRecord {
    RecordHead head;                   ///< offsets count from the libxl header
    std::uint32_t emulator_id = 0;     ///< of emulator records
    std::uint32_t emulator_index = 0;  ///< of emulator records
    std::vector<std::pair<std::string, std::string>> xenstore;  ///< of EMULATOR_XENSTORE_DATA
};

/// What is wrong in a container although a restore lets it pass.
struct ContainerDeviation {
    enum class Kind : std::uint8_t { reserved, padding, unknown, other };
    Kind kind;
    std::uint64_t offset;  ///< in the source
    std::string sentence;
};

/// The container of a libxc stream, being read: constructed up to the libxc stream, which is then
/// read from libxc(), and read on after it by read_tail(). The source may be a pipe.
class Container {
public:
    /// Recognises the kind by the first octets. @param source  must outlive this
    /// @throws Error{unsupported} for what is no container of a libxc stream, saying what it looks
    /// like, and for
    ///         legacy and big-endian ones; Error{malformed}, Error{limit}, Error{io}
    explicit Container(Source& source);

    [[nodiscard]] ContainerKind kind() const noexcept { return kind_; }
    [[nodiscard]] const std::optional<XlHeader>& xl() const noexcept { return xl_; }
    [[nodiscard]] bool converted_from_legacy() const noexcept { return converted_; }

    /// Where the libxc stream is read from.
    [[nodiscard]] Source& libxc() noexcept { return source_; }

    /// After libxc's CHECKPOINT: the libxl records up to CHECKPOINT_END, if there is a libxl
    /// stream.
    void read_checkpoint();

    /// After libxc's END: the libxl records up to END, if there is a libxl stream.
    void read_tail();

    /// Reads to the end of the source. @return octets that were there, such as xl migrate's
    /// handshake
    [[nodiscard]] std::uint64_t count_trailing();

    /// The libxl records read so far: of more than limits::libxl_records_max, which many checkpoints make, the first ones
    /// and the last.
    [[nodiscard]] const std::vector<LibxlRecord>& records() const noexcept { return records_; }
    [[nodiscard]] const std::vector<ContainerDeviation>& deviations() const noexcept
    {
        return deviations_;
    }

private:
    void recognise();
    void read_xl_header();
    void read_libxl_header();
    void read_records_until(LibxlRecordType last);
    void read_to(LibxlRecordType last);
    void read_record();
    void note(ContainerDeviation::Kind kind, std::uint64_t offset, std::string sentence);

    PeekSource source_;
    ContainerKind kind_ = ContainerKind::libxc;
    bool converted_ = false;
    std::optional<XlHeader> xl_;
    std::optional<RecordFraming> framing_;
    std::vector<LibxlRecord> records_;
    std::size_t nr_xenstore_pairs_ = 0;
    std::vector<ContainerDeviation> deviations_;
};

/// Writes what goes before the libxc stream in an xl save file.
/// @param json  the domain's configuration as xl writes it, without a NUL
void write_xl_head(Sink& sink, std::string_view json);
/// Writes what goes after the libxc stream in a libxl stream: END.
void write_libxl_tail(Sink& sink);

}  // namespace sr
