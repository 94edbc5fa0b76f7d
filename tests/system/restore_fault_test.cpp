// SPDX-License-Identifier: LGPL-2.1-or-later
// Each call of a restore of checkpoints, and of one that compares, fails: no half-made domain is taken for a whole one, and
// what is not the sender's fault is no failover.
#include "tests/system/call_log.hpp"
#include "tests/system/saved_guest.hpp"

#include <cstring>
#include <fstream>
#include <unistd.h>

namespace sr::test {
namespace {

class RestoreFault : public SavedGuest {
protected:
    /// All calls of a restore that succeeds fail in turn.
    void expect_each_to_matter(const Octets& stream, sr_stream_type type)
    {
        const std::uint64_t before = last_call(here_.host);
        ASSERT_EQ(restore(stream, type), 0) << error_.message;
        const auto calls = count_calls(here_.host, before, [](const LoggedCall& call) {
            return call.process == ::getpid() && engine_name_of(call.name) != nullptr;
        });
        EXPECT_EQ(calls.count("memory_op.populate_physmap"), 1U);
        EXPECT_EQ(calls.count("memory_op.decrease_reservation"), 1U);
        for (const auto& [call, count] : calls) {
            // Some of these calls a new domain's toolstack makes, too.
            for (int nth = 1; nth <= count; ++nth) {
                expect_failure(stream, type, call, nth);
            }
        }
        ASSERT_EQ(restore(stream, type), 0) << error_.message;
        expect_lives_on_from(nr_saves - 1);
    }

    void expect_failure(const Octets& stream, sr_stream_type type, const std::string& call, int nth)
    {
        const auto& errnos = errnos_of(call);
        const std::string errno_name = errnos.at(static_cast<std::size_t>(nth) % errnos.size());
        const std::string cue = cue_for(call, nth, errno_name);
        SCOPED_TRACE(cue);
        const std::size_t mapped = nr_mapped();
        const MemoryFile file{stream};
        at_new_domain_ = [&] {
            (void)here_.host.fakexen({"fail", std::to_string(::getpid()), cue});
        };
        const int result = restore(file.fd(), type);
        (void)here_.host.fakexen({"fail", std::to_string(::getpid()), ""});
        EXPECT_EQ(result, -1) << "nobody noticed";
        EXPECT_EQ(error_.error_class, SR_ERROR_HYPERVISOR) << error_.message;
        EXPECT_EQ(error_.errnum, errno_number(errno_name)) << error_.message;
        EXPECT_STREQ(error_.call, engine_name_of(call)) << error_.message;
        EXPECT_EQ(recorder_.results.size(), 0U) << "it is not complete";
        EXPECT_FALSE(log_has("fails over")) << "the sender did nothing wrong";
        EXPECT_EQ(nr_mapped(), mapped);
        expect_nothing_left();
    }

    static std::size_t nr_mapped()
    {
        std::size_t number = 0;
        std::ifstream maps{"/proc/self/maps"};
        for (std::string line; std::getline(maps, line);) {
            number += line.find("memfd:fakexen") != std::string::npos ? 1U : 0U;
        }
        return number;
    }
};

TEST_F(RestoreFault, OfCheckpointsNothingIsLeft)
{
    StreamPieces stream = checkpointed(saves_);
    stream.records.push_back({RecordType::end, {}});
    expect_each_to_matter(join(stream), SR_STREAM_REMUS);
}

}  // namespace
}  // namespace sr::test
