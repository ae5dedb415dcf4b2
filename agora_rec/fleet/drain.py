from agora_rec.fleet.fleet import Fleet


def drain_on(fleet: Fleet) -> None: ...
