"""Outputs that begin by declining, in six languages; those that only sound like it; and no text can make it slow."""

import gzip
import json
import time
import unicodedata

import pytest

from dashboards.demo import answers
from ingest.digest import declining

REFUSALS = {
    "en": (
        "I'm sorry, but I can't help with that.",
        "I’m sorry, but I cannot assist with that request.",
        "I cannot provide instructions for that.",
        "Sorry, I am unable to do this.",
        "As an AI language model, I don't have access to your files.",
        "  **I can't** share that.",
        "Unfortunately, I won't be able to share it.",
    ),
    "de": (
        "Es tut mir leid, aber ich kann Ihnen dabei nicht helfen.",
        "Es tut mir wirklich leid, doch ich kann diese Anfrage nicht beantworten.",
        "Tut mir leid, das kann ich nicht tun. Ich kann dabei nicht helfen.",
        "Leider kann ich Ihnen dazu keine Auskunft geben.",
        "Entschuldigung, ich darf diese Information nicht weitergeben.",
        "Es tut mir leid, dass ich dir bei diesem Wunsch nicht helfen kann.",
        "Ich kann dir dabei leider nicht helfen.",
        "Dabei kann ich nicht helfen.",
        "Ich bin leider nicht in der Lage, diese Seite zu öffnen.",
        "Als KI-Sprachmodell habe ich Grenzen: darum kann ich keine Diagnose stellen.",
        "„Leider können wir Ihrem Wunsch nicht nachkommen.“",
    ),
    "fr": (
        "Je suis désolé, mais je ne peux pas vous aider avec cela.",
        "Je suis vraiment désolée, je ne suis pas en mesure de répondre.",
        "Désolé, mais je ne peux pas répondre à cette demande.",
        "Malheureusement, je ne peux pas accéder à ce fichier.",
        "Je ne peux malheureusement pas fournir ces informations.",
        "Je m’excuse, mais il m’est impossible de le faire.",
        "En tant qu'IA, je ne peux pas donner d'avis médical.",
        "En tant que modèle de langage, je n'ai pas accès à Internet.",
    ),
    "es": (
        "Lo siento, pero no puedo ayudarte con eso.",
        "Lo siento mucho, no puedo proporcionar esa información.",
        "Lamentablemente, no tengo acceso a esos datos.",
        "Disculpe, pero no me es posible hacerlo.",
        "Lamento no poder ayudarle con esta solicitud.",
        "No puedo ayudar con esa solicitud.",
        "Como modelo de lenguaje, no puedo navegar por Internet.",
    ),
    "pt": (
        "Desculpe, mas não posso ajudar com isso.",
        "Sinto muito, mas não consigo atender a esse pedido.",
        "Infelizmente, não tenho acesso a essas informações.",
        "Lamento, mas não posso fornecer esses dados.",
        "Não posso ajudar com isso.",
        "Como uma IA, não posso dar conselhos médicos.",
    ),
    "it": (
        "Mi dispiace, ma non posso aiutarti con questo.",
        "Mi dispiace molto, non sono in grado di rispondere.",
        "Purtroppo non posso fornire queste informazioni.",
        "Spiacente, ma non posso farlo.",
        "Non posso aiutarti con questa richiesta.",
        "Come modello linguistico, non ho accesso a Internet.",
    ),
}
OTHERS = (
    "I can help you with that!",
    "I'm sorry to hear that. Here is what to do:",
    "The model said: I'm sorry, but I can't help.",
    "Sorry is a card game.",
    "",
    "Es tut mir leid, das zu hören. Hier ist, was Sie tun können:",
    "Es tut mir leid, aber ich kann Sie beruhigen: das Paket ist da.",
    "Es tut mir leid, dass Ihr Paket nicht gekommen ist. Ich kümmere mich darum.",
    "Leider ist Ihr Paket noch nicht angekommen.",
    "Ich kann nicht nur übersetzen, sondern auch zusammenfassen.",
    "Ich kann gut verstehen, dass Sie nicht zufrieden sind.",
    "Der Satz „Es tut mir leid, aber ich kann dabei nicht helfen“ ist höflich.",
    "Als KI-Projekt eignet sich das gut, wenn Sie keine Server haben.",
    "Je suis désolé d'apprendre cela. Voici ce que vous pouvez faire :",
    "Désolé pour le retard, voici le résumé.",
    "Je ne peux que vous recommander ce livre.",
    "Malheureusement, le colis n'est pas arrivé.",
    "Je ne peux pas m'empêcher de sourire : bravo !",
    "Lo siento mucho por tu pérdida. Aquí tienes un borrador:",
    "Lamentablemente, el vuelo no salió a tiempo.",
    "No puedo creer lo bien que ha quedado.",
    "No puedes devolver el producto después de 30 días.",
    "Desculpe a demora! Aqui está o resumo.",
    "Infelizmente, o pedido não chegou.",
    "Não posso deixar de agradecer a todos.",
    "Não, isso não é possível com essa versão.",
    "Mi dispiace sentirlo. Ecco cosa puoi fare:",
    "Purtroppo il pacco non è arrivato.",
    "Non posso credere che sia già Natale.",
    "Non solo posso tradurre, ma anche riassumere.",
)


@pytest.mark.parametrize("text", [text for texts in REFUSALS.values() for text in texts])
def test_an_output_that_begins_by_declining_is_a_refusal(text):
    for form in (text, text.upper(), unicodedata.normalize("NFD", text), f"\n> {text}"):
        assert declining.is_refusal(form), form


@pytest.mark.parametrize("text", OTHERS)
def test_what_only_sounds_like_it_is_none(text):
    assert not declining.is_refusal(text)


def test_no_demo_text_is_called_a_refusal_for_the_other_languages_sake(capsys):
    with gzip.open(answers.DATA, "rt", encoding="utf-8") as lines:
        texts = [row[name] for row in map(json.loads, lines) for name in ("prompt", "output")]
    found = [text for text in texts if declining.is_refusal(text)]
    false = [text[:100] for text in found if not declining._ENGLISH.match(text)]
    with capsys.disabled():
        share = len(false) / len(texts)
        print(
            f"\n  {len(texts)} demo texts: {len(found)} refusals, {share:.3%} of texts called one without need", end=""
        )
    assert false == []
    assert len(found) == 63, "as many as before other languages were known"


@pytest.mark.parametrize(
    "part",
    [
        "es tut mir leid, ",
        "je suis ",
        "als ki ",
        "ich kann ihnen ",
        "dabei ",
        "no ",
        "  \n",
        "désolé",
        "—",
        "kann ich das ",
    ],
)
def test_the_time_is_the_same_however_long_a_text_is(part):
    started = time.process_time()
    for text in (part * 100_000, part * 20 + "ich kann " * 50, ("\u0301" + part) * 1_000):
        declining.is_refusal(text)
    assert time.process_time() - started < 0.05
