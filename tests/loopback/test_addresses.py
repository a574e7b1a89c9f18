from itertools import islice

from edge.phone.loopback import AddressBlock


def test_two_blocks_never_share_an_address() -> None:
    with AddressBlock.claim() as one, AddressBlock.claim() as other:
        assert one.block != other.block
        assert not set(islice(one.addresses(), 600)) & set(islice(other.addresses(), 600))


def test_an_address_is_handed_out_once() -> None:
    with AddressBlock.claim() as block:
        handed = list(islice(block.addresses(), 1000))
    assert len(set(handed)) == 1000
    assert all(0 < int(part) < 255 for address in handed for part in address.split(".")[1:])
