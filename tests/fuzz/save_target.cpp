// SPDX-License-Identifier: LGPL-2.1-or-later
// Fuzzes a save: a guest does with its memory, tables and registers what the input says and the hypervisor lets it, and
// suspends. What is saved can be restored.
#include "tests/fuzz/engine.hpp"
#include "tests/fuzz/input_bytes.hpp"
#include "tests/fuzz/live_guest.hpp"
#include "tests/fuzz/seeds.hpp"

#include <boost/endian/buffers.hpp>

namespace sr::fuzz {
namespace {

/// What the guest does, once. An input is a choice of guest and of whether its grant table is recorded, then any number of
/// these.
struct Deed {
    boost::endian::little_uint8_buf_t what;
    boost::endian::little_uint8_buf_t meaning;  ///< of value
    boost::endian::little_uint16_buf_t slot;
    boost::endian::little_uint64_buf_t value;
};
static_assert(WireStruct<Deed> && sizeof(Deed) == 12);

enum What : unsigned {
    store_page,
    store_shared = 12,
    set_table,
    give_back = 17,
    set_register,
    nr_whats
};
enum Meaning : unsigned { as_it_is, frame, entry, any_frame, virtual_address, nr_meanings };

constexpr std::size_t deeds_max = 200;

std::uint64_t value_of(const Deed& deed, const LiveGuest& guest)
{
    const std::uint64_t raw = deed.value.value();
    const std::uint64_t mfn = guest.mfn(raw % small_guest::nr_pfns);
    switch (deed.meaning.value() % nr_meanings) {
    case frame:
        return mfn;
    case entry:
        return mfn << 12 | raw >> 8;
    case any_frame:
        return 0x8000 + raw % (InProcessHost::nr_frames + 16);
    case virtual_address:
        return small_guest_base(guest.abi().width) + raw;
    default:
        return raw;
    }
}

void act(LiveGuest& guest, const Deed& deed)
{
    const unsigned what = deed.what.value() % nr_whats;
    const std::uint64_t value = value_of(deed, guest);
    const std::uint16_t slot = deed.slot.value();
    if (what < store_shared) {
        guest.store_word(what, slot, value);
    } else if (what == store_shared) {
        guest.store_shared(slot, value);
    } else if (what < give_back) {
        guest.set_entry(small_guest::top + what - set_table, slot, value);
    } else if (what == give_back) {
        guest.give_back(slot % small_guest::nr_pfns);
    } else {
        guest.set_register(slot, value);
    }
}

void save_and_restore(InProcessHost& host, LiveGuest& guest, std::uint32_t save_flags)
{
    Octets stream;
    const Outcome saved = save(host, guest.domain(), stream, save_flags);
    host.destroy(guest.domain());
    if (!saved.done) {
        return;
    }
    const std::string error = verify_error(stream, true);
    require(error.empty(), ("saved, but verify refuses it: " + error).c_str());
    fakexen::Domain& again = host.make_domain(small_guest::nr_vcpus, small_guest::max_pages);
    const Outcome restored = restore(host, again, stream);
    host.destroy(again);
    require(restored.done, ("saved, but not restored: " + restored.message).c_str());
}

void run(Input input)
{
    Choices choices{input};
    const unsigned choice = choices.octet();
    const Octets deeds = choices.rest();
    InProcessHost& host = InProcessHost::fresh();
    LiveGuest guest{host, choice % 2 == 0 ? GuestWidth::bits64 : GuestWidth::bits32};
    guest.suspend(choice / 2 % 2 == 0 ? P2mKind::linear_list : P2mKind::frame_list_tree);
    ByteReader reader{deeds};
    for (std::size_t nr = 0; nr < deeds_max && reader.size_left() >= sizeof(Deed); ++nr) {
        act(guest, reader.read<Deed>("deed"));
    }
    save_and_restore(host, guest, choice / 4 % 2 == 0 ? 0U : SR_SAVE_GRANTS);
}

Octets with(unsigned choice, std::initializer_list<Deed> deeds)
{
    Octets octets = prefixed({choice}, {});
    for (const Deed& deed : deeds) {
        append(octets, deed);
    }
    return octets;
}

Deed deed(unsigned what, unsigned meaning, unsigned slot, std::uint64_t value)
{
    Deed made{};
    made.what = static_cast<std::uint8_t>(what);
    made.meaning = static_cast<std::uint8_t>(meaning);
    made.slot = static_cast<std::uint16_t>(slot);
    made.value = value;
    return made;
}

std::vector<Seed> seeds()
{
    using namespace small_guest;
    std::vector<Seed> made = findings_of("save");
    for (const unsigned choice : {0U, 1U, 2U, 3U, 4U, 5U}) {
        const std::string guest = "guest-" + std::to_string(choice);
        made.push_back({guest, with(choice, {})});
        made.push_back({guest + "-p2m",
                        with(choice, {deed(p2m, frame, 9, content), deed(p2m, any_frame, 8, 3)})});
        made.push_back(
            {guest + "-far", with(choice, {deed(p2m, as_it_is, 8, std::uint64_t{1} << 39),
                                           deed(set_table + 3, as_it_is, 30, 0x7fff'ffff'f000)})});
        made.push_back({guest + "-balloon", with(choice, {deed(set_table + 3, as_it_is, content, 0),
                                                          deed(give_back, 0, content, 0)})});
        made.push_back(
            {guest + "-map", with(choice, {deed(set_table + 3, entry, 20, content | 0x6700),
                                           deed(set_register, frame, 12, console)})});
        made.push_back(
            {guest + "-shared", with(choice, {deed(store_shared, as_it_is, 386, 40),
                                              deed(store_shared, virtual_address, 390, 0x5000)})});
        // Nobody could restore a guest whose start_info is a page table: it is not saved.
        made.push_back(
            {guest + "-start-info", with(choice, {deed(set_register, frame, 12, upper)})});
        made.push_back(
            {guest + "-rings", with(choice, {deed(small_guest::start_info, as_it_is, 7, 0x8147)})});
        made.push_back({guest + "-lists", with(choice, {deed(list_root, frame, 0, list),
                                                        deed(list, frame, 1, p2m)})});
    }
    return made;
}

}  // namespace

const Target save_target = {"save", run, seeds};

}  // namespace sr::fuzz
