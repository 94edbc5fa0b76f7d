// SPDX-License-Identifier: LGPL-2.1-or-later
// Saves of guests with grant tables through sr.h, and restores into domains with limits.
#pragma once

#include "libsr/wire/decode.hpp"
#include "libsr/xen/libraries.hpp"
#include "tests/support/json.hpp"
#include "tests/system/engines.hpp"
#include "tests/system/grant_calls.hpp"
#include "tests/system/live_guest.hpp"
#include "tests/system/stream_pieces.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace sr::test {

using Options = std::vector<std::string>;

inline constexpr unsigned shared = XENMEM_resource_grant_table_id_shared;

inline const Options granter_v1 = {"--grants", "v1", "--grant-peer", "0", "--grant-pages", "600"};
inline const Options granter_v2 = {"--grants", "v2", "--grant-peer", "0", "--grant-pages", "600"};

inline bool has_type(const Octets& stream, RecordType type)
{
    const StreamPieces pieces = split(stream);
    return std::ranges::any_of(pieces.records,
                               [=](const RecordPiece& piece) { return piece.type == type; });
}

inline GrantTableInfo info_of(const Octets& stream)
{
    StreamPieces pieces = split(stream);
    return decode_grant_table_info(pieces.first(RecordType::grant_table_info).body);
}

inline GrantTableEntries entries_of(const Octets& stream)
{
    StreamPieces pieces = split(stream);
    return decode_grant_table_entries(pieces.first(RecordType::grant_table_entries).body,
                                      Pfn{0xffff});
}

class GrantsSave : public LiveGuest {
protected:
    explicit GrantsSave(const Options& host_options = {}) : LiveGuest{host_options} {}

    void SetUp() override { hooks() = {}; }
    void TearDown() override { hooks() = {}; }

    [[nodiscard]] Octets saved_with_grants(std::uint32_t more = 0)
    {
        return saved(SR_SAVE_GRANTS | more);
    }

    /// A new domain for the guest, and a restore into it. @return of sr_restore()
    [[nodiscard]] int restore(const Octets& stream, std::uint32_t max_version = 0,
                              std::optional<std::uint32_t> max_frames = std::nullopt)
    {
        DomainConfig config;
        config.name = "copy";
        config.uuid = random_uuid();
        config.max_memory_kib = config.target_memory_kib = 8192;
        config.max_vcpus = 2;
        config.vcpu_online = {true, true};
        config.max_grant_frames = max_frames;
        copy_ = std::make_unique<NewDomain>(*here_.toolstack, config);
        const MemoryFile file{stream};
        sr_restore_options options = restore_options(*copy_);
        options.max_grant_version = max_version;
        const sr_restore_ops ops = recorder_.restore_ops();
        error_ = fresh_error();
        hooks().forget_calls();
        return sr_restore(here_.engine.get(), copy_->id(), file.fd(), &options, &ops, &recorder_,
                          &error_);
    }

    /// The domain got nothing of the guest, and the toolstack was not asked for anything.
    void expect_refused_early(const std::string& why)
    {
        EXPECT_EQ(error_.error_class, SR_ERROR_MISMATCH) << error_.message;
        EXPECT_NE(std::string{error_.message}.find(why), std::string::npos) << error_.message;
        EXPECT_EQ(error_.record_type, to_wire(RecordType::grant_table_info));
        EXPECT_EQ(shown(copy_->id()).at("pages"), 0) << shown(copy_->id());
        EXPECT_TRUE(recorder_.calls.empty());
    }

    [[nodiscard]] nlohmann::json shown(DomId domid) const
    {
        return parsed_json(here_.host.fakexen({"show", "--json", std::to_string(domid)}));
    }

    [[nodiscard]] std::uint64_t most_status_frames() const
    {
        return parsed_json(here_.host.fakexen({"list", "--json"})).at("status_frames").at("most");
    }

    /// Has the guest change the version of its table while it runs.
    void switch_to(const char* version) const
    {
        (void)here_.host.guest({"order", domid_text_, version});
        here_.host.step(domid_text_, 6);
    }

    [[nodiscard]] bool restore_log_has(const std::string& text) const
    {
        return std::ranges::any_of(recorder_.log, [&](const std::string& line) {
            return line.find(text) != std::string::npos;
        });
    }

    std::unique_ptr<NewDomain> copy_;
    Recorder recorder_;
};

}  // namespace sr::test
