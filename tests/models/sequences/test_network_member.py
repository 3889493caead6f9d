"""A network at work: views are averaged, parts that do not belong together are refused."""

from __future__ import annotations

import dataclasses
import pickle

import numpy as np
import pytest
import torch

from skyvet.core.errors import BundleError
from skyvet.models.sequences.attention_mil import AttentionMilSettings
from skyvet.models.sequences.frame_inputs import FrameInputConfig, fit_frame_inputs, strided_views
from skyvet.models.sequences.network_export import export_member
from skyvet.models.sequences.network_interface import SequenceShape
from skyvet.models.sequences.network_member import (
    NetworkMember,
    NetworkMemberSettings,
    load_network_member,
)
from skyvet.models.sequences.recurrent import RecurrentSettings

INPUTS = FrameInputConfig(context=True)


@pytest.fixture(scope="module")
def sequences(planted_sequences):
    return planted_sequences(20, seed=6).labelled.sequences


def make_member(sequences, network, **settings) -> NetworkMember:
    inputs = fit_frame_inputs(sequences, INPUTS)
    shape = SequenceShape(n_inputs=inputs.n_inputs, n_context=inputs.n_context)
    torch.manual_seed(1)
    own = NetworkMemberSettings(
        name="gru", network=network.model_dump(mode="json"), inputs=INPUTS, **settings
    )
    return export_member([network.build(shape)], inputs, own, reference=sequences)


@pytest.fixture(scope="module")
def whole(sequences):
    return make_member(sequences, RecurrentSettings(hidden=5))


def test_a_long_sequence_gets_the_mean_logit_of_its_views(sequences, whole):
    viewed = make_member(sequences, RecurrentSettings(hidden=5), max_frames=9, n_views=2)
    i_object = int(np.argmax(sequences.n_frames))
    frames = sequences.frames_of(i_object)
    prepared = whole.inputs.of_object(frames)
    network = RecurrentSettings(hidden=5)
    torch.manual_seed(1)
    network = network.build(
        SequenceShape(n_inputs=whole.inputs.n_inputs, n_context=whole.inputs.n_context)
    )
    views = strided_views(len(frames), max_frames=9, n_views=2)
    assert len(views) == 2
    with torch.inference_mode():
        logits = [
            network.forward_one(
                torch.from_numpy(prepared.frames[view])[None],
                torch.from_numpy(prepared.context)[None],
            ).logit.item()
            for view in views
        ]
    one = sequences.take(np.array([i_object]))
    assert viewed.logits(one)[0] == pytest.approx(np.mean(logits), abs=1e-5)
    assert abs(viewed.logits(one)[0] - whole.logits(one)[0]) > 1e-4


def test_recurrent_networks_say_nothing_of_frames_or_kinds(sequences, whole):
    assert whole.frame_evidence(sequences) is None
    assert whole.subtype_probabilities(sequences).shape == (len(sequences), 0)


def test_a_member_travels_to_another_process(sequences, whole):
    again = pickle.loads(pickle.dumps(whole))
    np.testing.assert_array_equal(again.logits(sequences), whole.logits(sequences))


def test_a_graph_with_other_outputs_is_refused(whole):
    parts = whole.parts()
    settings = dict(parts.settings) | {"subtype_names": ["ghost"]}
    with pytest.raises(BundleError, match="settings announce logit, subtype_logits"):
        load_network_member(dataclasses.replace(parts, settings=settings))


def test_evidence_needs_all_frames():
    with pytest.raises(ValueError, match="must see all"):
        NetworkMemberSettings(
            name="mil", network={}, inputs=INPUTS, has_evidence=True, max_frames=10
        )


def test_networks_that_judge_frames_announce_it():
    assert AttentionMilSettings().has_evidence
    assert not RecurrentSettings().has_evidence
