import torch
from datasets import Dataset
from sentence_transformers import SentenceTransformer, SentenceTransformerTrainer
from sentence_transformers import SentenceTransformerTrainingArguments as Arguments
from sentence_transformers.models import StaticEmbedding
from tokenizers import Tokenizer, models, pre_tokenizers

import simgeo.torch

torch.manual_seed(0)
words = "a red blue old new small large cat dog house street runs sleeps".split()
places = {word: place for place, word in enumerate(words)}
tokenizer = Tokenizer(models.WordLevel(places, "a"))
tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
model = SentenceTransformer(modules=[StaticEmbedding(tokenizer, embedding_dim=8)])


class GeometryLoss(torch.nn.Module):  # labels are the teacher's embeddings
    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, sentence_features, labels):
        embeddings = self.model(next(iter(sentence_features)))["sentence_embedding"]
        return simgeo.torch.cka(embeddings, labels)


chosen = torch.randint(len(words), (256, 6))
sentences = [" ".join(words[word] for word in row) for row in chosen.tolist()]
target = torch.randn(len(words), 24)[chosen].mean(1)
data = Dataset.from_dict({"sentence": sentences, "label": target.tolist()})
settings = Arguments("trained", per_device_train_batch_size=64, logging_steps=1,
    num_train_epochs=4, learning_rate=0.05, report_to=[], use_cpu=True,
    save_strategy="no", disable_tqdm=True)  # fmt: skip
trainer = SentenceTransformerTrainer(model, settings, data, loss=GeometryLoss(model))
trainer.train()
losses = [each["loss"] for each in trainer.state.log_history if "loss" in each]
