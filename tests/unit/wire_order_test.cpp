// SPDX-License-Identifier: LGPL-2.1-or-later
// The order of records: what real senders write passes, and every broken rule is refused or
// reported.
#include "libsr/wire/order.hpp"
#include "tests/support/error_of.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

namespace sr {
namespace {

using enum RecordType;
using test::error_of;
using test::message_of;
using Types = std::vector<RecordType>;

const Types pv_v3{x86_pv_info,
                  x86_cpuid_policy,
                  x86_msr_policy,
                  static_data_end,
                  x86_pv_p2m_frames,
                  page_data,
                  page_data,
                  x86_tsc_info,
                  shared_info,
                  x86_pv_vcpu_basic,
                  x86_pv_vcpu_extended,
                  x86_pv_vcpu_xsave,
                  x86_pv_vcpu_msrs,
                  end};
const Types hvm_v3{x86_cpuid_policy, x86_msr_policy, static_data_end, page_data,
                   x86_tsc_info,     hvm_params,     hvm_context,     end};
const Types pv_v2{x86_pv_info, x86_pv_p2m_frames, page_data, x86_tsc_info,
                  shared_info, x86_pv_vcpu_basic, end};
const Types hvm_v2{page_data, x86_tsc_info, hvm_params, hvm_context, end};

struct Run {
    std::vector<std::string> deviations;  ///< "TYPE: what"
    std::vector<RecordType> inferred_at;
};

Run run(RecordOrder order, const Types& types)
{
    Run result;
    for (const RecordType type : types) {
        const OrderStep step = order.accept(to_wire(type));
        if (step.deviation != nullptr) {
            result.deviations.push_back(std::string{name_of(type)} + ": " + step.deviation);
        }
        if (step.ends_static_data) {
            result.inferred_at.push_back(type);
        }
    }
    return result;
}

RecordOrder pv(std::uint32_t version = 3, StreamKind kind = StreamKind::plain)
{
    return {version, DomainType::x86_pv, kind};
}

RecordOrder hvm(std::uint32_t version = 3, StreamKind kind = StreamKind::plain)
{
    return {version, DomainType::x86_hvm, kind};
}

Types without(Types types, RecordType gone)
{
    std::erase(types, gone);
    return types;
}

/// The types with one more before the first `at`.
Types with_before(Types types, RecordType at, RecordType more)
{
    types.insert(std::find(types.begin(), types.end(), at), more);
    return types;
}

Types swapped(Types types, RecordType a, RecordType b)
{
    std::iter_swap(std::find(types.begin(), types.end(), a),
                   std::find(types.begin(), types.end(), b));
    return types;
}

TEST(RecordOrder, PassesWhatSendersWrite)
{
    EXPECT_TRUE(run(pv(), pv_v3).deviations.empty());
    EXPECT_TRUE(run(hvm(), hvm_v3).deviations.empty());
    EXPECT_TRUE(run(pv(2), pv_v2).deviations.empty());
    EXPECT_TRUE(run(hvm(2), hvm_v2).deviations.empty());
    // With XCFLAGS_DEBUG: all memory once more.
    EXPECT_TRUE(
        run(pv(), with_before(with_before(pv_v3, x86_tsc_info, verify), x86_tsc_info, page_data))
            .deviations.empty());
}

TEST(RecordOrder, InfersTheEndOfStaticDataInVersion2Only)
{
    EXPECT_EQ(run(pv(2), pv_v2).inferred_at, Types{x86_pv_p2m_frames});
    EXPECT_EQ(run(hvm(2), hvm_v2).inferred_at, Types{page_data});
    EXPECT_TRUE(run(pv(), pv_v3).inferred_at.empty());
    EXPECT_TRUE(run(hvm(), hvm_v3).inferred_at.empty());
}

TEST(RecordOrder, RefusesWhatLacksAMandatoryRecord)
{
    for (const RecordType gone :
         {x86_pv_info, static_data_end, x86_pv_p2m_frames, page_data, shared_info}) {
        EXPECT_EQ(error_of([&] { (void)run(pv(), without(pv_v3, gone)); }), Errc::malformed)
            << name_of(gone);
    }
    EXPECT_EQ(error_of([] { (void)run(pv(), without(pv_v3, x86_pv_vcpu_basic)); }),
              Errc::malformed);
    for (const RecordType gone : {static_data_end, page_data, hvm_context}) {
        EXPECT_EQ(error_of([&] { (void)run(hvm(), without(hvm_v3, gone)); }), Errc::malformed)
            << name_of(gone);
    }
    for (const RecordType gone : {x86_pv_info, x86_pv_p2m_frames, page_data, x86_pv_vcpu_basic}) {
        EXPECT_EQ(error_of([&] { (void)run(pv(2), without(pv_v2, gone)); }), Errc::malformed)
            << name_of(gone);
    }
}

TEST(RecordOrder, NeedsNoOptionalState)
{
    for (const RecordType gone : {x86_cpuid_policy, x86_msr_policy, x86_tsc_info,
                                  x86_pv_vcpu_extended, x86_pv_vcpu_xsave, x86_pv_vcpu_msrs}) {
        EXPECT_TRUE(run(pv(), without(pv_v3, gone)).deviations.empty()) << name_of(gone);
    }
    EXPECT_TRUE(run(hvm(), without(hvm_v3, hvm_params)).deviations.empty());
}

TEST(RecordOrder, RefusesEachSwapOfTheStrictOrder)
{
    const std::pair<RecordType, RecordType> swaps[] = {
        {x86_pv_info, x86_pv_p2m_frames},     {x86_pv_p2m_frames, page_data},
        {static_data_end, x86_pv_p2m_frames}, {page_data, x86_pv_vcpu_basic},
        {x86_pv_info, shared_info},           {page_data, end}};
    for (const auto& [a, b] : swaps) {
        EXPECT_EQ(error_of([&, a = a, b = b] { (void)run(pv(), swapped(pv_v3, a, b)); }),
                  Errc::malformed)
            << name_of(a) << " " << name_of(b);
    }
    EXPECT_EQ(error_of([] { (void)run(hvm(), swapped(hvm_v3, static_data_end, page_data)); }),
              Errc::malformed);
    EXPECT_EQ(error_of([] { (void)run(hvm(), swapped(hvm_v3, static_data_end, hvm_context)); }),
              Errc::malformed);
}

TEST(RecordOrder, RefusesMemoryAfterVcpus)
{
    EXPECT_EQ(message_of([] { (void)run(pv(), with_before(pv_v3, end, page_data)); }),
              "comes after X86_PV_VCPU_BASIC, which needs it before");
    EXPECT_EQ(error_of([] { (void)run(pv(), with_before(pv_v3, end, x86_pv_p2m_frames)); }),
              Errc::malformed);
}

TEST(RecordOrder, LetsTheP2mOfARunningGuestGrow)
{
    EXPECT_TRUE(run(pv(), with_before(pv_v3, x86_tsc_info, x86_pv_p2m_frames)).deviations.empty());
}

TEST(RecordOrder, RefusesSeconds)
{
    for (const RecordType type : {x86_pv_info, static_data_end}) {
        EXPECT_EQ(message_of([&] { (void)run(pv(), with_before(pv_v3, x86_pv_p2m_frames, type)); }),
                  "comes a second time")
            << name_of(type);
    }
    // In version 2 an explicit one is the second after the inferred one.
    EXPECT_EQ(error_of([] { (void)run(pv(2), with_before(pv_v2, x86_tsc_info, static_data_end)); }),
              Errc::malformed);
}

TEST(RecordOrder, RefusesRecordsOfTheOtherKindOfGuest)
{
    for (const RecordType type : {hvm_context, hvm_params}) {
        EXPECT_EQ(error_of([&] { (void)run(pv(), with_before(pv_v3, end, type)); }),
                  Errc::malformed);
    }
    for (const RecordType type : {x86_pv_info, x86_pv_p2m_frames, shared_info, x86_pv_vcpu_basic,
                                  x86_pv_vcpu_extended, x86_pv_vcpu_xsave, x86_pv_vcpu_msrs}) {
        EXPECT_EQ(error_of([&] { (void)run(hvm(), with_before(hvm_v3, end, type)); }),
                  Errc::malformed);
    }
}

TEST(RecordOrder, RefusesEverythingAfterEnd)
{
    for (std::uint32_t index = 0; index < nr_known_types; ++index) {
        const std::uint32_t type = to_wire(record_type_at(index));
        RecordOrder order = pv();
        for (const RecordType before : pv_v3) {
            EXPECT_FALSE(order.finished());
            (void)order.accept(to_wire(before));
        }
        EXPECT_TRUE(order.finished());
        EXPECT_EQ(error_of([&] { (void)order.accept(type); }), Errc::malformed);
        EXPECT_EQ(error_of([&] { (void)order.accept(type | optional_bit); }), Errc::malformed);
    }
}

TEST(RecordOrder, RefusesUnknownMandatoryRecordsAndSkipsOptionalOnes)
{
    RecordOrder order = pv();
    for (const std::uint32_t type : {0x13U, 0x7fff'ffffU, 0x5352'0001U}) {
        EXPECT_EQ(error_of([&] { (void)order.accept(type); }), Errc::unsupported);
    }
    for (const std::uint32_t type : {0x8000'0000U, 0x8000'0001U, 0xffff'ffffU, 0xd352'0003U}) {
        EXPECT_EQ(order.accept(type).deviation, nullptr);
    }
    EXPECT_EQ(error_of([&] { (void)order.accept(to_wire(toolstack)); }), Errc::unsupported);
    EXPECT_EQ(error_of([&] { (void)order.accept(to_wire(checkpoint_dirty_pfn_list)); }),
              Errc::malformed);
}

TEST(RecordOrder, ARefusedRecordChangesNothing)
{
    RecordOrder order = pv();
    EXPECT_EQ(error_of([&] { (void)order.accept(to_wire(end)); }), Errc::malformed);
    EXPECT_TRUE(run(order, pv_v3).deviations.empty());
}

TEST(RecordOrder, ReportsWhatARestoreLetsPass)
{
    using Strings = std::vector<std::string>;
    EXPECT_EQ(run(hvm(), swapped(hvm_v3, hvm_params, hvm_context)).deviations,
              Strings{"HVM_PARAMS: comes after HVM_CONTEXT, which it must precede"});
    EXPECT_EQ(run(pv(2), with_before(pv_v2, x86_pv_p2m_frames, static_data_end)).deviations,
              Strings{"STATIC_DATA_END: belongs to version 3, and the stream is version 2"});
    EXPECT_EQ(run(pv(), swapped(pv_v3, x86_cpuid_policy, static_data_end)).deviations,
              (Strings{"X86_MSR_POLICY: comes after the static data, so it is never applied",
                       "X86_CPUID_POLICY: comes after the static data, so it is never applied"}));
    for (const RecordType twice : {x86_cpuid_policy, x86_msr_policy}) {
        EXPECT_EQ(run(pv(), with_before(pv_v3, static_data_end, twice)).deviations,
                  Strings{std::string{name_of(twice)} + ": comes a second time"});
    }
    for (const RecordType twice : {x86_tsc_info, shared_info}) {
        EXPECT_EQ(run(pv(), with_before(pv_v3, end, twice)).deviations,
                  Strings{std::string{name_of(twice)} + ": comes a second time"});
    }
    EXPECT_EQ(run(hvm(), with_before(hvm_v3, end, hvm_context)).deviations,
              Strings{"HVM_CONTEXT: comes a second time"});
    EXPECT_EQ(run(hvm(), with_before(hvm_v3, hvm_context, hvm_params)).deviations,
              Strings{"HVM_PARAMS: comes a second time"});
    EXPECT_EQ(run(hvm(), with_before(hvm_v3, static_data_end, x86_tsc_info)).deviations.front(),
              "X86_TSC_INFO: comes before STATIC_DATA_END");
    EXPECT_EQ(run(pv(), swapped(pv_v3, x86_pv_info, static_data_end)).deviations.back(),
              "X86_PV_INFO: comes after the end of the static data, which it is");
}

TEST(RecordOrder, CheckpointsOnlyWhereTheStreamHasThem)
{
    EXPECT_EQ(error_of([] { (void)run(pv(), with_before(pv_v3, end, checkpoint)); }),
              Errc::malformed);
    EXPECT_TRUE(run(pv(3, StreamKind::checkpointed), with_before(pv_v3, end, checkpoint))
                    .deviations.empty());
}

TEST(RecordOrder, ACheckpointBringsTheGuestAgain)
{
    Types types = with_before(pv_v3, end, checkpoint);
    types.pop_back();
    const Types again{page_data, x86_tsc_info, shared_info, x86_pv_vcpu_basic, checkpoint};
    types.insert(types.end(), again.begin(), again.end());
    EXPECT_TRUE(run(pv(3, StreamKind::checkpointed), types).deviations.empty());
    types.push_back(page_data);
    types.push_back(end);  // memory of a checkpoint that was never completed
    EXPECT_EQ(error_of([&] { (void)run(pv(3, StreamKind::checkpointed), types); }),
              Errc::malformed);

    Types hvm_types = without(hvm_v3, end);
    const Types hvm_again{checkpoint,  page_data,  x86_tsc_info, hvm_params,
                          hvm_context, checkpoint, end};
    hvm_types.insert(hvm_types.end(), hvm_again.begin(), hvm_again.end());
    EXPECT_TRUE(run(hvm(3, StreamKind::checkpointed), hvm_types).deviations.empty());
    EXPECT_EQ(error_of([&] {
                  (void)run(hvm(3, StreamKind::checkpointed),
                            with_before(hvm_v3, hvm_context, checkpoint));
              }),
              Errc::malformed);
}

TEST(RecordOrder, KnowsWhatLiesWithinACheckpoint)
{
    RecordOrder order = pv(3, StreamKind::checkpointed);
    EXPECT_FALSE(order.within_checkpoint());
    for (const RecordType type : without(pv_v3, end)) {
        (void)order.accept(to_wire(type));
        EXPECT_TRUE(order.within_checkpoint()) << name_of(type);
    }
    (void)order.accept(to_wire(checkpoint));
    EXPECT_FALSE(order.within_checkpoint());
    (void)order.accept(0x8000'0001);  // optional, and so nothing of a guest
    (void)order.accept(to_wire(end));
    EXPECT_FALSE(order.within_checkpoint());
}

TEST(RecordOrder, AssumesARefusedRecordOnRequest)
{
    RecordOrder order = pv();
    (void)order.accept(to_wire(x86_pv_info));
    EXPECT_EQ(error_of([&] { (void)order.accept(to_wire(page_data)); }), Errc::malformed);
    order.assume(to_wire(page_data));
    EXPECT_EQ(order.accept(to_wire(page_data)).deviation, nullptr);
    order.assume(0xffff'ffff);
    EXPECT_FALSE(order.finished());
}

}  // namespace
}  // namespace sr
