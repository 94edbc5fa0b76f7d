// SPDX-License-Identifier: LGPL-2.1-or-later
// sr_restore() as a toolstack calls it: what it is told, and what an error says of stream and domain.
#include "tests/system/capi_support.hpp"
#include "tests/system/stream_pieces.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <future>

namespace sr::test {
namespace {

/// A restore that fails. @return what it said
sr_error failed_restore(DomId domid, int fd, const sr_restore_options& options, Recorder& recorder)
{
    const sr_restore_ops ops = recorder.restore_ops();
    sr_error error = fresh_error();
    errno = 0;
    EXPECT_EQ(sr_restore(world().engine.get(), domid, fd, &options, &ops, &recorder, &error), -1);
    EXPECT_NE(errno, 0);
    EXPECT_FALSE(recorder.off_thread);
    EXPECT_EQ(recorder.results.size(), 0U);
    return error;
}

sr_error failed_restore(const Octets& stream)
{
    const auto domain = new_domain();
    const MemoryFile file{stream};
    Recorder recorder;
    return failed_restore(domain->id(), file.fd(), restore_options(*domain), recorder);
}

TEST(CapiRestore, TellsTheToolstackEachThingOnce)
{
    const auto domain = new_domain();
    const MemoryFile file{whole_stream()};
    Recorder recorder;
    const sr_restore_options options = restore_options(*domain);
    const sr_restore_ops ops = recorder.restore_ops();
    sr_error error = fresh_error();
    ASSERT_EQ(sr_restore(world().engine.get(), domain->id(), file.fd(), &options, &ops, &recorder,
                         &error),
              0)
        << error.message;
    EXPECT_FALSE(recorder.off_thread);
    EXPECT_EQ(recorder.calls, (std::vector<std::string>{"static_data_done", "restore_results"}));
    EXPECT_EQ(recorder.missing, 0U);
    ASSERT_EQ(recorder.results.size(), 1U);
    EXPECT_EQ(recorder.results[0].size, sizeof(sr_restore_results));
    EXPECT_NE(recorder.results[0].store_gfn, recorder.results[0].console_gfn);
    EXPECT_EQ(recorder.progress.front().phase, SR_PHASE_SETUP);
    EXPECT_EQ(recorder.progress.back().phase, SR_PHASE_COMPLETION);
    const auto rises = [&](auto member) {
        return std::is_sorted(
            recorder.progress.begin(), recorder.progress.end(),
            [=](const sr_progress& a, const sr_progress& b) { return a.*member < b.*member; });
    };
    EXPECT_TRUE(rises(&sr_progress::phase));
    EXPECT_TRUE(rises(&sr_progress::pages_done));
    EXPECT_TRUE(rises(&sr_progress::pages_total));
    EXPECT_TRUE(rises(&sr_progress::stream_octets));
    EXPECT_EQ(recorder.progress.back().stream_octets, whole_stream().size());
    EXPECT_TRUE(world().toolstack.control().state_of(domain->id())->is_paused);
}

TEST(CapiRestore, TouchesNoDomainThatIsNotNewAndPaused)
{
    const MemoryFile file{whole_stream()};
    Recorder recorder;
    const auto fresh = new_domain();
    const auto refused = [&](DomId domid) {
        (void)::lseek(file.fd(), 0, SEEK_SET);
        const sr_error error = failed_restore(domid, file.fd(), restore_options(*fresh), recorder);
        EXPECT_EQ(error.error_class, SR_ERROR_USAGE) << error.message;
        EXPECT_EQ(error.guest, SR_GUEST_UNTOUCHED) << "nobody is to destroy it";
    };
    refused(suspended_guest());
    refused(4711);
    refused(0x10000U | fresh->id());
    world().toolstack.control().unpause(fresh->id());
    refused(fresh->id());
    EXPECT_EQ(recorder.calls, std::vector<std::string>{});
}

TEST(CapiRestore, TouchesNothingForAStreamThatIsNone)
{
    Octets no_stream = whole_stream();
    no_stream[3] = std::byte{0};
    EXPECT_EQ(failed_restore(no_stream).guest, SR_GUEST_UNTOUCHED);
    EXPECT_EQ(failed_restore({}).error_class, SR_ERROR_IO);
    EXPECT_EQ(failed_restore({}).guest, SR_GUEST_UNTOUCHED);
    const Octets headers{whole_stream().begin(), whole_stream().begin() + 40};
    EXPECT_EQ(failed_restore(headers).guest, SR_GUEST_UNTOUCHED);
    const Octets more{whole_stream().begin(), whole_stream().begin() + 4096};
    EXPECT_EQ(failed_restore(more).guest, SR_GUEST_IN_STREAM);
}

TEST(CapiRestore, RefusesOptionsThatMakeNoSense)
{
    const auto domain = new_domain();
    const MemoryFile file{whole_stream()};
    Recorder recorder;
    sr_restore_options options = restore_options(*domain);
    options.store_domid = 0x10000;
    EXPECT_EQ(failed_restore(domain->id(), file.fd(), options, recorder).error_class,
              SR_ERROR_USAGE)
        << "it would be domain 0";
    options = restore_options(*domain);
    options.flags = 1;
    EXPECT_EQ(failed_restore(domain->id(), file.fd(), options, recorder).error_class,
              SR_ERROR_UNSUPPORTED);
    options = restore_options(*domain);
    options.stream_type = SR_STREAM_COLO;
    const sr_error colo = failed_restore(domain->id(), file.fd(), options, recorder);
    EXPECT_EQ(colo.error_class, SR_ERROR_UNSUPPORTED);
    EXPECT_NE(std::string{colo.message}.find("COLO"), std::string::npos) << colo.message;
    options.stream_type = SR_STREAM_REMUS;
    sr_error error = fresh_error();
    EXPECT_EQ(sr_restore(world().engine.get(), domain->id(), file.fd(), &options, nullptr, nullptr,
                         &error),
              -1)
        << "who would read what follows a CHECKPOINT?";
    EXPECT_EQ(error.error_class, SR_ERROR_USAGE) << error.message;
    EXPECT_EQ(error.guest, SR_GUEST_UNTOUCHED);
    error = fresh_error();
    EXPECT_EQ(sr_restore(nullptr, domain->id(), file.fd(), nullptr, nullptr, nullptr, &error), -1);
    EXPECT_EQ(error.error_class, SR_ERROR_USAGE);
    EXPECT_EQ(recorder.calls, std::vector<std::string>{});
}

TEST(CapiRestore, StopsWhereTheToolstackRefusesStaticData)
{
    const auto domain = new_domain();
    const MemoryFile file{whole_stream()};
    Recorder recorder;
    recorder.static_data_answer = 1;
    const sr_error error =
        failed_restore(domain->id(), file.fd(), restore_options(*domain), recorder);
    EXPECT_EQ(error.error_class, SR_ERROR_CALLBACK);
    EXPECT_STREQ(error.call, "static_data_done");
    EXPECT_EQ(error.guest, SR_GUEST_IN_STREAM);
}

TEST(CapiRestore, NamesRecordOffsetAndPfnOfAMalformedStream)
{
    StreamPieces pieces = split(whole_stream());
    RecordPiece& pages = pieces.first(RecordType::page_data);
    const auto index = static_cast<std::size_t>(&pages - pieces.records.data());
    store<std::uint64_t>(pages.body, 8, 0xabcdef);
    const sr_error error = failed_restore(join(pieces));
    EXPECT_EQ(error.error_class, SR_ERROR_MALFORMED) << error.message;
    EXPECT_EQ(error.record, index);
    EXPECT_EQ(error.record_type, to_wire(RecordType::page_data));
    EXPECT_EQ(error.offset, pieces.boundaries()[index]);
    EXPECT_EQ(error.pfn, 0xabcdefU);
    EXPECT_EQ(error.guest, SR_GUEST_IN_STREAM);
    EXPECT_EQ(std::string{error.message}.rfind("record " + std::to_string(index) + " PAGE_DATA", 0),
              0U)
        << error.message;
}

TEST(CapiRestore, NamesEndForWhatTheWholeStreamHoldsWrongly)
{
    StreamPieces pieces = split(whole_stream());
    constexpr std::size_t rdx = 8 + 616;  // behind the record's own header
    store<std::uint64_t>(pieces.first(RecordType::x86_pv_vcpu_basic).body, rdx, 0xfffff);
    const sr_error error = failed_restore(join(pieces));
    EXPECT_EQ(error.error_class, SR_ERROR_MALFORMED) << error.message;
    EXPECT_EQ(error.record, pieces.records.size() - 1);
    EXPECT_EQ(error.record_type, to_wire(RecordType::end));
    EXPECT_EQ(error.pfn, 0xfffffU);
}

TEST(CapiRestore, RefusesAClaimOfMorePfnsThanTheDomainCanNeed)
{
    StreamPieces pieces = split(whole_stream());
    RecordPiece& claim = pieces.first(RecordType::x86_pv_p2m_frames);
    constexpr std::uint32_t nr_pfns = 1U << 28;  // a TiB, for a domain of 12 MiB
    store<std::uint32_t>(claim.body, 4, nr_pfns - 1);
    claim.body.resize(8 + std::size_t{nr_pfns} / 512 * 8);
    const sr_error error = failed_restore(join(pieces));
    EXPECT_EQ(error.error_class, SR_ERROR_LIMIT) << error.message;
    EXPECT_EQ(error.record_type, to_wire(RecordType::x86_pv_p2m_frames));
}

TEST(CapiRestore, LogsADeviationThatItLetsPass)
{
    StreamPieces pieces = split(whole_stream());
    pieces.records.insert(pieces.records.end() - 1, pieces.first(RecordType::x86_tsc_info));
    const auto domain = new_domain();
    const MemoryFile file{join(pieces)};
    Recorder recorder;
    const sr_restore_options options = restore_options(*domain);
    const sr_restore_ops ops = recorder.restore_ops();
    EXPECT_EQ(sr_restore(world().engine.get(), domain->id(), file.fd(), &options, &ops, &recorder,
                         nullptr),
              0);
    EXPECT_TRUE(std::any_of(recorder.log.begin(), recorder.log.end(), [](const std::string& line) {
        return line.find("X86_TSC_INFO") != std::string::npos &&
               line.find("comes a second time") != std::string::npos;
    }));
}

TEST(CapiRestore, LogsAHandfulOfManyDeviations)
{
    StreamPieces pieces = split(whole_stream());
    const std::vector<RecordPiece> many(100, pieces.first(RecordType::x86_tsc_info));
    pieces.records.insert(pieces.records.end() - 1, many.begin(), many.end());
    const auto domain = new_domain();
    const MemoryFile file{join(pieces)};
    Recorder recorder;
    const sr_restore_options options = restore_options(*domain);
    const sr_restore_ops ops = recorder.restore_ops();
    EXPECT_EQ(sr_restore(world().engine.get(), domain->id(), file.fd(), &options, &ops, &recorder,
                         nullptr),
              0);
    const auto nr_told = [&](const char* text) {
        return std::count_if(
            recorder.log.begin(), recorder.log.end(),
            [=](const std::string& line) { return line.find(text) != std::string::npos; });
    };
    EXPECT_EQ(nr_told("comes a second time"), 16);
    EXPECT_EQ(nr_told("no more are told"), 1);
}

TEST(CapiRestore, CanBeCancelledOutOfAReadThatStalls)
{
    const Pipe pipe;
    const Octets& stream = whole_stream();
    ASSERT_EQ(::write(pipe.writer.get(), stream.data(), 5000), 5000);  // and no more, and no end
    sr_job* const job = sr_job_new();
    std::jthread canceller{[&] {
        std::this_thread::sleep_for(std::chrono::milliseconds{50});
        sr_cancel(job);
    }};
    const auto domain = new_domain();
    Recorder recorder;
    const sr_error error =
        failed_restore(domain->id(), pipe.reader.get(), restore_options(*domain, job), recorder);
    canceller.join();
    sr_job_free(job);
    EXPECT_EQ(error.error_class, SR_ERROR_CANCELLED) << error.message;
}

TEST(CapiRestore, SaysWhereAMemoryLimitWasReached)
{
    const auto domain = new_domain(1);
    const MemoryFile file{whole_stream()};
    Recorder recorder;
    const sr_error error =
        failed_restore(domain->id(), file.fd(), restore_options(*domain), recorder);
    EXPECT_EQ(error.error_class, SR_ERROR_HYPERVISOR) << error.message;
    EXPECT_STREQ(error.call, "XENMEM_populate_physmap");
    EXPECT_NE(error.pfn, SR_NONE);
    EXPECT_EQ(error.record_type, to_wire(RecordType::page_data));
}

}  // namespace
}  // namespace sr::test
